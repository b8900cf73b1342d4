"""`make faults N=500 SEED=1`: an installation of its own, so many faults, and what they cost. Exits 1 if anything."""

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from tests.faults.run import run_faults  # noqa: E402


def main() -> int:
    faults, seed = int(os.environ.get("N", "200")), int(os.environ.get("SEED", "1"))
    with tempfile.TemporaryDirectory() as folder:
        done = run_faults(Path(folder) / "data", faults, seed)
    print(done.stdout, done.stderr[-4000:] if done.returncode else "", sep="", end="")  # noqa: T201
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
