"""Start an installation, and the driver beside it."""

import subprocess
import sys
from pathlib import Path

from django.conf import settings

from tests.installation import running


def run_faults(data: Path, faults: int, seed: int) -> subprocess.CompletedProcess[str]:
    return beside(data, "tests.faults.driver", faults, seed, patience=300 + faults * 10)


def run_traffic(data: Path, rotations: int) -> subprocess.CompletedProcess[str]:
    return beside(data, "tests.faults.traffic", rotations, patience=100 + rotations * 100)


def beside(
    data: Path, module: str, *numbers: int, patience: int
) -> subprocess.CompletedProcess[str]:
    """Run it with the installation's settings; the supervisor's process id is its last argument."""
    with running(data) as house:
        assert house.process
        words = [str(number) for number in (*numbers, house.process.pid)]
        done = subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=settings.BASE_DIR,
            env=house.environment,
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )
        if done.returncode:
            done.stderr += house.last_words()
        return done
