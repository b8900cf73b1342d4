"""Run a command that ends when its parent ends: python -m dashboard.tether COMMAND [ARGUMENT …]

Knows no Django: it is gone, replaced by the command, in a few milliseconds.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
TETHERED = "TETHERED_PID"
"""The process that a tethered command runs as: what its children must find as their parent."""


def die_with_parent(number: signal.Signals, parent: int | None = None) -> None:
    """Ask Linux to send us this signal when the process that started us is gone, however it went.

    `parent`: who that was, where it may have gone long before we get here.
    """
    parent = parent or os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    die_with_parent(signal.SIGTERM)
    os.environ[TETHERED] = str(os.getpid())
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 (no shell is what we want)
