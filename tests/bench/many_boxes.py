"""Inside an installation of its own: plants sealed secrets, adds a key, and times their move beside bare HPKE."""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import quantiles

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

from dashboard.management.resealing import RINGS  # noqa: E402
from keys.crypto import HPKE, PrivateKeyring, PublicKeyring  # noqa: E402
from keys.models import Secret  # noqa: E402
from keys.resting import BATCH  # noqa: E402
from tests.bench.herd import plant  # noqa: E402

INFO = b"i" * 180
TEXT = b"lk_dev_" + b"x" * 50


def add_a_key() -> None:
    """As a worker that was restarted knows it."""
    call_command("keyring", "add", "credentials", verbosity=0, stdout=sys.stderr)
    for name, file in (("PUBLIC", "credential-public"), ("PRIVATE", "credential-private")):
        text = (settings.KEYS_DIR / f"{file}.json").read_text()
        setattr(settings, f"LATCHKEY_CREDENTIAL_{name}_KEYS", text)


def bare() -> Callable[[int], None]:
    """So many openings and sealings of boxes in memory, and nothing else."""
    public = PublicKeyring.parse(settings.LATCHKEY_CREDENTIAL_PUBLIC_KEYS)
    private = PrivateKeyring.parse(settings.LATCHKEY_CREDENTIAL_PRIVATE_KEYS)
    newest, opener = public.keys[public.newest_id], private.keys[public.newest_id]
    boxes = [HPKE.encrypt(TEXT, newest, INFO) for _ in range(BATCH)]

    def work(count: int) -> None:
        for box in boxes[:count]:
            HPKE.encrypt(HPKE.decrypt(box, opener, INFO), newest, INFO)

    return work


def timed[Answer](work: Callable[[], Answer], costs: list[float]) -> Answer:
    before = time.process_time()
    answer = work()
    costs.append(time.process_time() - before)
    return answer


def main(count: int) -> None:
    plant(count)
    add_a_key()
    lot, floor = RINGS["credentials"].lots[0], bare()
    ours: list[float] = []
    theirs: list[float] = []
    steps, moved = lot.move(), 0
    while (step := timed(partial(next, steps, None), ours)) is not None:
        moved += step.count
        timed(partial(floor, step.count), theirs)
    if moved != count or len(lot.under()) != 1 or Secret.objects.filter(sealed=None).exists():
        sys.exit(f"{moved} of {count} moved: {lot.under()}")
    _tell(ours, theirs, count)


def _tell(ours: list[float], theirs: list[float], count: int) -> None:
    ratios = [
        one / other for one, other in zip(ours, theirs, strict=False)
    ]  # the last asked in vain
    low, middle, high = quantiles(ratios, n=4)
    found = {
        "ours": sum(ours) / count * 1e6,
        "bare": sum(theirs) / count * 1e6,
        "ratio": middle,
        "half": (low, high),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
