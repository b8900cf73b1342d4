"""Keepers hear of a failure that lasts, once, and of its end; an endpoint's trouble is its engineers' news."""

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.events import Event
from environments.models import AuditEvent, Notice, Team, TeamMember
from keys import tasks
from keys.health import health
from keys.models import CredentialTest, Key, TokenEndpoint
from keys.outcomes import Outcome
from keys.probe import Finding
from keys.upkeep import alarms, findings
from tests.keys.made import ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(issue):
    return issue()


@pytest.fixture
def found(made):
    """A test of the key ends like this."""

    def end(*outcomes: Outcome) -> None:
        for outcome in outcomes:
            test = ask(made.secret)
            held = CredentialTest.objects.claim(test.pk, timezone.now(), worker="w", ticket_hash="")
            assert held
            assert findings.keep(held, Finding(outcome))

    return end


def heard(*, by: str = "") -> list[str]:
    told = Notice.objects.order_by("at", "pk")
    if by:
        told = told.filter(user__email=f"{by}@acme.test")
    return [notice.once.partition(":")[0] for notice in told]


FAILS, WORKS, AWAY = Outcome.REFUSED, Outcome.WORKS, Outcome.SERVER_ERROR


def test_one_failure_is_not_told_two_in_a_row_are_and_its_end_once_it_has_lasted(found):
    found(FAILS)
    assert heard() == []
    found(FAILS)
    assert heard() == ["failing"]
    found(FAILS, FAILS, FAILS)
    assert heard() == ["failing"]
    found(WORKS)
    assert heard() == ["failing"]
    found(WORKS, WORKS)
    assert heard() == ["failing", "working"]


def test_flapping_tells_nothing_or_tells_once(found):
    found(FAILS, WORKS, FAILS, WORKS, FAILS, WORKS)
    assert heard() == []
    found(FAILS, FAILS)
    assert heard() == ["failing"]
    found(WORKS, FAILS, WORKS, FAILS, FAILS, WORKS, FAILS)
    assert heard() == ["failing"]
    found(WORKS, WORKS, FAILS, FAILS)
    assert heard() == ["failing", "working", "failing"]


def test_what_lasts_five_minutes_is_told_without_a_second_test(found, made, time_machine):
    found(FAILS)
    time_machine.move_to(timezone.now() + timedelta(minutes=4))
    tasks.tell()
    assert heard() == []
    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    tasks.tell()
    tasks.tell()
    assert heard() == ["failing"]
    found(WORKS)
    tasks.tell()
    assert heard() == ["failing"]
    time_machine.move_to(timezone.now() + timedelta(minutes=6))
    tasks.tell()
    tasks.tell()
    assert heard() == ["failing", "working"]
    made.key.refresh_from_db()
    assert made.key.failing_told_at is made.key.recovered_at is None


def test_a_change_is_looked_at_once_more_within_two_minutes(found, made):
    found(FAILS, FAILS)
    (again,) = CredentialTest.objects.unfinished()
    assert again.reason == CredentialTest.Reason.SCHEDULE
    assert timedelta() < again.not_before - again.asked_at <= timedelta(minutes=2)
    assert not again.interactive


def test_a_fault_of_the_endpoint_is_no_failure_and_does_not_end_one(found):
    found(AWAY, AWAY, AWAY)
    assert heard() == []
    found(FAILS, AWAY, FAILS)
    assert heard() == ["failing"]
    found(WORKS, AWAY, WORKS)
    assert heard() == ["failing", "working"]


def test_a_key_at_rest_is_not_told_of(found, made, time_machine):
    found(FAILS)
    Key.objects.update(disabled_at=timezone.now())
    time_machine.move_to(timezone.now() + timedelta(minutes=6))
    tasks.tell()
    assert heard() == []


def test_the_letter_says_what_happened_and_where(found, made):
    found(FAILS, FAILS)
    notice = Notice.objects.get()
    assert notice.user.email == "engineer@acme.test"
    assert notice.title == "billing-api fails in Development"
    assert notice.text.startswith("Refused, since ")
    assert notice.path.endswith(f"/keys/{made.key.client_id}/")
    events = AuditEvent.objects.filter(subject=f"key:{made.key.client_id}")
    assert events.filter(event=Event.KEY_FAILING).count() == 1


def test_the_leads_of_the_team_are_told_and_not_the_engineers(found, made, acme):
    Key.objects.update(team=acme.team)
    found(FAILS, FAILS)
    assert Notice.objects.get().user == acme["lead"]


def test_a_recovery_is_told_to_those_who_heard_of_the_failure(found, made, acme):
    Key.objects.update(team=acme.team)
    found(FAILS, FAILS)
    TeamMember.objects.filter(team=acme.team).update(role="lead")
    found(WORKS, WORKS)
    assert heard(by="lead") == ["failing", "working"]
    assert heard(by="teammate") == []


def test_a_team_without_a_lead_leaves_its_keys_to_the_engineers(found, made, acme):
    Key.objects.update(team=Team.objects.create(organization=acme.organization, name="x", slug="x"))
    found(FAILS, FAILS)
    assert Notice.objects.get().user == acme["engineer"]


@pytest.fixture
def endpoint(acme) -> TokenEndpoint:
    return TokenEndpoint.objects.create(
        environment=acme.environment("production"),
        name="Redox",
        url="https://api.redox.test/token",
        method="client_secret_basic",
    )


def test_an_endpoints_trouble_that_lasts_is_told_to_the_engineers_and_its_end_too(
    endpoint, acme, time_machine
):
    TokenEndpoint.objects.update(troubled_since=timezone.now(), trouble=Outcome.TIMEOUT)
    tasks.tell()
    assert heard() == []
    time_machine.move_to(timezone.now() + timedelta(minutes=6))
    tasks.tell()
    tasks.tell()
    notice = Notice.objects.get()
    assert (notice.user, notice.tone) == (acme["engineer"], "bad")
    assert notice.title == "The token endpoint Redox is in trouble"
    assert "No key is judged by this" in notice.text
    TokenEndpoint.objects.update(troubled_since=None, trouble="")
    tasks.tell()
    tasks.tell()
    assert heard() == ["troubled", "mended"]


def test_a_short_trouble_is_not_told(endpoint, time_machine):
    TokenEndpoint.objects.update(troubled_since=timezone.now(), trouble=Outcome.TIMEOUT)
    tasks.tell()
    TokenEndpoint.objects.update(troubled_since=None, trouble="")
    time_machine.move_to(timezone.now() + timedelta(minutes=6))
    tasks.tell()
    assert heard() == []


def test_each_round_is_bounded(issue):
    for number in range(3):
        issue(name=f"key-{number}")
    long_ago = timezone.now() - timedelta(hours=1)
    Key.objects.update(failing_since=long_ago, last_outcome=Outcome.REFUSED)
    assert alarms.tell_what_lasts(timezone.now(), limit=2) == 2
    assert alarms.tell_what_lasts(timezone.now(), limit=2) == 1
    assert alarms.tell_what_lasts(timezone.now(), limit=2) == 0


LESS, NONE_OF_IT = Outcome.SCOPE_NARROWED, Outcome.INVALID_SCOPE


@pytest.mark.parametrize("short", [LESS, NONE_OF_IT])
def test_a_scope_that_is_not_given_is_told_once_and_its_end_but_is_no_failure(found, made, short):
    made.key.secrets.update(collected_at=timezone.now())
    found(short)
    assert heard() == []
    found(short, AWAY, short, short)
    assert heard() == ["short"]
    made.key.refresh_from_db()
    assert made.key.failing_since is None
    notice = Notice.objects.get()
    assert notice.title == "billing-api in Development does not get its scope"
    assert notice.text.startswith(f"{short.label}, since ")
    assert health(made.key, timezone.now()).word == "Lacks scope"
    found(AWAY)
    assert heard() == ["short"]
    found(WORKS, WORKS)
    assert heard() == ["short", "whole"]
    made.key.refresh_from_db()
    assert health(made.key, timezone.now()).word == "Working"
    events = AuditEvent.objects.filter(subject=f"key:{made.key.client_id}", event__contains="scope")
    told = list(events.order_by("sequence").values_list("event", flat=True))
    assert told == [Event.KEY_SCOPE_SHORT, Event.KEY_SCOPE_WHOLE]


def test_a_scope_that_was_given_again_before_the_second_look_is_not_told(found):
    found(LESS, WORKS, LESS, WORKS)
    assert heard() == []


def test_a_token_with_less_scope_ends_a_failure_and_a_refused_scope_does_not(found, made):
    found(FAILS, FAILS, NONE_OF_IT)
    made.key.refresh_from_db()
    assert made.key.failing_since
    found(LESS, LESS)
    made.key.refresh_from_db()
    assert made.key.failing_since is None
    assert heard() == ["failing", "short", "working"]


def test_the_overview_names_a_key_that_lacks_scope(found, sign_in):
    found(LESS)
    shown = sign_in("viewer").get("/o/acme/").content.decode()
    assert "Lacks scope: some calls are refused" in shown
