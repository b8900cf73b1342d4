"""What several tests of keys begin with."""

from collections.abc import Callable

import pytest
from django.utils.crypto import get_random_string

from keys.models import Batch, Key
from keys.services.bulk import Order, start_batch


@pytest.fixture
def six_keys(issue) -> list[Key]:
    return [issue(name=f"key-{number:02}").key for number in range(6)]


@pytest.fixture
def start_bulk(acme) -> Callable[..., Batch]:
    def begin(keys: list[Key], kind=Batch.Kind.TEST, by="engineer", **more) -> Batch:
        ids = [key.client_id for key in keys]
        return start_batch(acme.org(by), Order(kind, **more), ids, once=get_random_string(32))

    return begin
