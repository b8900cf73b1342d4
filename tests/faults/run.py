"""Start an installation, and the driver beside it."""

import subprocess
import sys
from pathlib import Path

from django.conf import settings

from tests.installation import running


def run_faults(data: Path, faults: int, seed: int) -> subprocess.CompletedProcess[str]:
    with running(data) as house:
        assert house.process
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.faults.driver",
                str(faults),
                str(seed),
                str(house.process.pid),
            ],
            cwd=settings.BASE_DIR,
            env=house.environment,
            capture_output=True,
            text=True,
            timeout=300 + faults * 10,
            check=False,
        )
        if done.returncode:
            done.stderr += house.last_words()
        return done
