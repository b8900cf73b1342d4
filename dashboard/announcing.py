"""What `up` says on the terminal once it has become supervisor: a small process that watches the start, then goes."""

import http.client
import json
import os
import signal
import sys
import time
from typing import Final

from dashboard import tether
from dashboard.programs import Layout

PATIENCE: Final = 40.0
PAUSE: Final = 0.1
LINES_SHOWN: Final = 12


def announce(port: int, url: str, setup_link: str | None, layout: Layout) -> None:
    """Return at once; the words come when they are true."""
    if os.fork():
        return
    tether.die_with_parent(signal.SIGTERM)
    os.setpgrp()  # Ctrl-C is meant for supervisor, and its end is ours
    try:
        _watch(port, _welcome(url, setup_link, layout), layout)
    finally:
        os._exit(0)


def _watch(port: int, welcome: str, layout: Layout) -> None:
    if not _wait_for(port, "/livez"):
        _say(_trouble("web", layout))
        return
    _say(welcome)
    if not _wait_for(port, "/readyz"):
        failing = [name for name, word in _checks(port).items() if word != "ok"]
        _say(f"Not ready yet: {', '.join(failing)}. Look into {layout.logs}.")


def _welcome(url: str, setup_link: str | None, layout: Layout) -> str:
    lines = ["", f"  Latchkey runs at  {url}", ""]
    if setup_link:
        lines += ["  Make the first account here (the link works once):", f"  {setup_link}", ""]
    lines += [f"  Data and keys: {layout.data}   Logs: {layout.logs}", "  Ctrl-C stops it.", ""]
    return "\n".join(lines)


def _trouble(name: str, layout: Layout) -> str:
    log = layout.logs / f"{name}.log"
    last = log.read_text(errors="replace").splitlines()[-LINES_SHOWN:] if log.is_file() else []
    return "\n".join([f"The {name} process does not start. The last lines of {log}:", *last])


def _wait_for(port: int, path: str) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if _ask(port, path)[0] == 200:
            return True
        time.sleep(PAUSE)
    return False


def _checks(port: int) -> dict[str, str]:
    _, body = _ask(port, "/readyz")
    try:
        return dict(json.loads(body)["checks"])
    except (ValueError, KeyError):
        return {"web": "failed"}


def _ask(port: int, path: str) -> tuple[int, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        client.request("GET", path)
        reply = client.getresponse()
        return reply.status, reply.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        client.close()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
