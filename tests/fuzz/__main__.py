"""make fuzz N=1000000 SEED=1: that many requests of every shape at the token service, in this process."""

import logging
import os
import sys
import time
import warnings
from random import Random

import django
import structlog

STEP = 5000


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    warnings.simplefilter("ignore")
    django.setup()
    from django.test.runner import DiscoverRunner

    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    runner = DiscoverRunner(verbosity=0)
    databases = runner.setup_databases()
    try:
        return _throw(int(os.environ.get("N") or 20_000), int(os.environ.get("SEED") or 1))
    finally:
        runner.teardown_databases(databases)


def _throw(times: int, seed: int) -> int:
    from django.db import transaction

    from keys.issuer import usage
    from tests.fuzz.throwing import Thrower
    from tests.keys.issuer.conftest import open_shop
    from tests.keys.issuer.signed import Signer

    usage.keep_flushing = lambda: None
    shop = open_shop()
    shop.key.environment.redox_doors = shop.key.redox_door = shop.key.legacy_door = True
    shop.key.environment.save()
    shop.key.save()
    thrower = Thrower(shop, Signer(shop.key), Random(seed))  # noqa: S311  # drawn again from its seed
    started = time.monotonic()
    for begun in range(0, times, STEP):
        with transaction.atomic():  # one commit for many: the disk is not what is tried here
            for _ in range(min(STEP, times - begun)):
                thrower.throw()
    for each in thrower.unexpected[:20]:
        print(each)
    seen = ", ".join(f"{count} × {status}" for status, count in sorted(thrower.seen.items()))
    print(
        f"{times} requests from seed {seed} in {time.monotonic() - started:.0f} s ({seen}), "
        f"slowest {thrower.slowest * 1000:.0f} ms: {len(thrower.unexpected)} unexpected."
    )
    return 1 if thrower.unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
