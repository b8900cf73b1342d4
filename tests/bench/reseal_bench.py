"""Moving sealed secrets under a new key, batch by batch in turns with bare HPKE: as many openings and sealings of boxes
that lie in memory. Judges nothing.

    .venv/bin/python -m tests.bench.reseal_bench [secrets]
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.buying import environment_of, manage
from tests.bench.servers import ROOT, Failed, conditions

BUDGET = "must be ≤ 4, aim ≤ 2"


def main(count: int = 100_000) -> None:
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as name:
        environment = environment_of(Path(name)) | {"LATCHKEY_ROLE": "worker"}
        manage(environment, "keyring", "make")
        manage(environment, "migrate", "--verbosity", "0")
        command = [sys.executable, "-m", "tests.bench.many_boxes", str(count)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{done.stdout}\n{done.stderr[-3000:]}")
    found = json.loads(done.stdout)
    low, high = found["half"]
    print(f"{count:,} secrets under a new key ({BUDGET})")
    print(f"ours {found['ours']:.0f} µs of CPU each, bare HPKE {found['bare']:.0f}")
    print(f"÷ bare {found['ratio']:.2f}, middle half {low:.2f} to {high:.2f}; {found['memory']} MB")
    print(conditions())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
