"""make mutants: mutmut changes the modules that read and seal, one place at a time; a change that no test notices
survives. What is changed and by which tests it is tried stands in pyproject.toml."""

import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

MUTMUT = Path(sys.executable).with_name("mutmut")
MUST = 95
NOTICED = {"killed", "timeout", "segfault"}


def main() -> int:
    shutil.rmtree("mutants", ignore_errors=True)
    subprocess.run([MUTMUT, "run"], check=True)
    modules: defaultdict[str, Counter[str]] = defaultdict(Counter)
    survivors = []
    for line in _said("results", "--all", "True").splitlines():
        name, _, outcome = line.strip().partition(": ")
        module = re.split(r"\.x(?:_|ǁ)", name)[0]
        modules[module]["noticed" if outcome in NOTICED else "survived"] += 1
        if outcome not in NOTICED:
            survivors.append((name, outcome))
    for name, outcome in survivors:
        print(f"\n{name}: {outcome}\n{_change(name)}")
    return _summed(modules)


def _summed(modules: dict[str, Counter[str]]) -> int:
    print(f"\n{'':26}{'mutants':>8}{'noticed':>9}")
    for module, counts in modules.items():
        print(f"{module:26}{counts.total():8}{counts['noticed'] / counts.total():9.1%}")
    counts = sum(modules.values(), Counter())
    score = counts["noticed"] / counts.total() * 100
    print(
        f"{counts['noticed']} of {counts.total()} mutants noticed: {score:.1f} % (must be ≥ {MUST})."
    )
    return 0 if score >= MUST else 1


def _change(name: str) -> str:
    return "\n".join(re.findall(r"^[-+] .*", _said("show", name), re.MULTILINE))


def _said(*words: str) -> str:
    done = subprocess.run([MUTMUT, *words], check=True, capture_output=True, text=True)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
