"""A key's row first, the log last: a worker in the middle of its work and a person's bulk work never wait for each other."""

from datetime import timedelta
from threading import Event as Signal
from threading import Thread
from time import monotonic, sleep

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils.crypto import get_random_string

from environments import audit
from environments.events import Event
from keys.models import Batch, Key, Rotation
from keys.services.bulk import Order, start_batch
from tests.racing import waiting

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.enable_socket]


class Worker(Thread):
    """Holds a key's row until somebody waits for it, then writes to the log, as `keep` and `advance` do."""

    def __init__(self, key: Key) -> None:
        super().__init__(daemon=True)
        self.key, self.holds = key, Signal()
        self.trouble: list[DatabaseError] = []

    def run(self) -> None:
        try:
            with transaction.atomic():
                Key.objects.select_for_update().get(pk=self.key.pk)
                self.holds.set()
                until = monotonic() + 30
                while not waiting() and monotonic() < until:
                    sleep(0.01)
                place = audit.Machine(self.key.environment.organization_id)
                audit.record(place, Event.KEY_WORKING, f"key:{self.key.client_id}")
        except DatabaseError as error:
            self.trouble.append(error)
        finally:
            connection.close()


def test_bulk_work_waits_for_a_worker_before_it_writes_to_the_log(acme, issue):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, so there is no order to keep")
    keys = [issue(name=f"key-{number}").key for number in range(2)]
    worker = Worker(keys[1])
    worker.start()
    assert worker.holds.wait(30)
    order = Order(Batch.Kind.ROTATE, timedelta(hours=1))
    ids = [key.client_id for key in keys]
    start_batch(acme.org("engineer"), order, ids, once=get_random_string(32))
    worker.join(60)
    assert worker.trouble == []
    assert Rotation.objects.open().count() == 2
