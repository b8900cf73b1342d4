"""The list of keys, 50 of 100,000: statements, CPU beside one bare statement for the same rows, and the last page beside
the first. Judges nothing.

    .venv/bin/python -m tests.bench.list_bench [keys] [rounds]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.buying import environment_of, manage
from tests.bench.servers import ROOT, Failed, conditions

BUDGET = "must: 12 statements, ÷ floor ≤ 8, last page ÷ first ≤ 2; aim 8, 4, 1.2"


def main(keys: int = 100_000, rounds: int = 9) -> None:
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as name:
        environment = environment_of(Path(name))
        manage(environment, "keyring", "make")
        manage(environment, "migrate", "--verbosity", "0")
        manage(environment, "collectstatic", "--noinput", "--verbosity", "0")
        command = [sys.executable, "-m", "tests.bench.long_list", str(keys), str(rounds)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{done.stdout}\n{done.stderr[-3000:]}")
    print(f"The list of keys, 50 of {keys} ({BUDGET})\n{done.stdout}{conditions()}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
