from itertools import pairwise

import pytest
from django.db import DatabaseError, connection, transaction

from environments import append_only, audit
from environments.events import SENTENCES, Event
from environments.models import AuditEvent
from environments.services.teams import create_team


def chain_of(organization):
    return list(AuditEvent.objects.filter(organization_id=organization.pk).order_by("sequence"))


def test_each_link_of_the_chain_holds_the_digest_of_the_one_before(acme):
    for number in range(3):
        create_team(
            acme.org("owner"), name=f"Team {number}", slug=f"team-{number}", purpose="", contact=""
        )
    chain = chain_of(acme.organization)
    assert [event.sequence for event in chain] == list(range(1, len(chain) + 1))
    for before, event in pairwise(chain):
        assert event.previous == before.digest
    assert all(audit.digest(event) == event.digest for event in chain)


def test_whoever_changes_an_event_changes_its_digest(acme):
    event = chain_of(acme.organization)[-1]
    event.actor = "somebody@else.test"
    assert audit.digest(event) != event.digest


@pytest.mark.parametrize(
    "change",
    ["UPDATE environments_auditevent SET actor = 'x'", "DELETE FROM environments_auditevent"],
)
def test_the_database_refuses_to_change_or_remove_an_event(acme, change):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(change)
    assert chain_of(acme.organization)


@pytest.mark.django_db
def test_the_triggers_are_there_after_all_migrations():
    assert append_only.triggers_present()


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_its_acts_transaction_is_refused():
    with pytest.raises(transaction.TransactionManagementError):
        audit.record(audit.Installation(), Event.SETUP_DONE, "installation")


def test_what_an_organization_does_is_not_in_the_chain_of_another(acme):
    before = AuditEvent.objects.exclude(organization_id=acme.organization.pk).count()
    create_team(acme.org("owner"), name="New", slug="new", purpose="", contact="")
    assert AuditEvent.objects.exclude(organization_id=acme.organization.pk).count() == before


def test_every_event_has_a_sentence():
    assert set(SENTENCES) == set(Event)
