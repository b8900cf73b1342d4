"""Alive and ready are two questions."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from dashboard import heartbeat
from environments import append_only
from environments.models import Heartbeat

pytestmark = pytest.mark.django_db


@pytest.fixture
def house_at_work():
    for name in ("beat", "worker"):
        Heartbeat.objects.create(name=name, at=timezone.now())


def checks(client, status):
    reply = client.get("/readyz")
    assert reply.status_code == status
    assert "no-store" in reply["Cache-Control"]
    return reply.json()["checks"]


def test_it_is_alive_whatever_the_rest_does(client):
    assert client.get("/livez").content == b"alive\n"


def test_all_at_work_is_ready(client, house_at_work):
    assert set(checks(client, 200).values()) == {"ok"}


def test_a_house_that_never_had_a_worker_is_not_ready(client):
    assert checks(client, 503)["worker"] == "failed"


@pytest.mark.parametrize("name", ["beat", "worker"])
def test_the_silent_one_is_named(client, house_at_work, name):
    Heartbeat.objects.filter(name=name).update(at=timezone.now() - timedelta(minutes=1))
    assert [word for word, answer in checks(client, 503).items() if answer != "ok"] == [name]


def test_a_lost_trigger_is_noticed(client, house_at_work):
    append_only.drop_triggers(connection)
    assert checks(client, 503)["audit_triggers"] == "failed"


def test_a_missing_migration_is_noticed(client, house_at_work):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'keys'")
    assert checks(client, 503)["migrations"] == "failed"


def test_the_token_service_alone_asks_for_no_worker(client, settings):
    settings.LATCHKEY_ROLE = "issuer"
    assert set(checks(client, 200)) == {"database", "migrations", "audit_triggers"}


def test_a_sign_of_life_is_written_at_most_every_ten_seconds(monkeypatch):
    monkeypatch.setattr(heartbeat, "_written", {})
    heartbeat.signal("worker")
    first = heartbeat.last("worker")
    heartbeat.signal("worker")
    assert heartbeat.last("worker") == first is not None


def test_it_changes_nothing(client):
    assert client.post("/readyz").status_code == 405
