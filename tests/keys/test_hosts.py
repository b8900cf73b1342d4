"""A provider is not overrun: a few of the clock's tests at once, so many a minute, and peace when it asks for it."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.utils import timezone

from environments.course import Reply
from keys.answers import wait_asked
from keys.models import CredentialTest, ProviderHost, Secret, TokenEndpoint
from keys.outcomes import Outcome
from keys.probe import Finding
from keys.upkeep import hosts, testing
from tests.keys.made import ask, make_key, make_secret

pytestmark = pytest.mark.django_db
HOST = "id.redox.test"


def outside(name: str, host: str = HOST) -> Secret:
    """An imported credential, tested at this host."""
    key = make_key(name)
    endpoint = TokenEndpoint.objects.create(
        environment=key.environment, name=name, url=f"https://{host}/token", method="x"
    )
    key.endpoint = endpoint
    key.save()
    return make_secret(key, endpoint=endpoint)


def clocks(count: int, host: str = HOST) -> list[CredentialTest]:
    """As many tests as the clock asked for, of one host."""
    begun = CredentialTest.objects.count()
    return [
        ask(outside(f"key {begun + number}", host), interactive=False, reason="schedule")
        for number in range(count)
    ]


def claim(test: CredentialTest, now: datetime | None = None) -> CredentialTest | None:
    return hosts.claim(test.pk, now or timezone.now(), worker="w", ticket_hash="x")


def end(test: CredentialTest) -> None:
    CredentialTest.objects.filter(pk=test.pk).update(finished_at=timezone.now(), leased_until=None)


def test_four_run_at_once_and_the_fifth_waits_its_turn():
    tests = clocks(5)
    assert [bool(claim(test)) for test in tests] == [True] * 4 + [False]
    tests[4].refresh_from_db()
    assert tests[4].not_before > timezone.now()
    assert (tests[4].attempt, tests[4].leased_until) == (0, None)
    end(tests[0])
    later = tests[4].not_before + timedelta(seconds=1)
    assert claim(tests[4], later)


def test_what_somebody_waits_for_overtakes(issue):
    for test in clocks(4):
        assert claim(test)
    person = ask(outside("urgent"))
    assert claim(person)


def test_it_is_counted_all_the_same():
    for number in range(4):
        assert claim(ask(outside(f"urgent {number}")))
    (clock,) = clocks(1)
    assert claim(clock) is None


def test_so_many_begin_in_a_minute(settings):
    settings.LATCHKEY_HOST_TESTS_A_MINUTE = 3
    tests = clocks(4)
    now = timezone.now()
    for test in tests[:3]:
        assert claim(test, now)
        end(test)
    assert claim(tests[3], now) is None
    tests[3].refresh_from_db()
    assert tests[3].not_before >= now + timedelta(minutes=1)
    assert claim(tests[3], tests[3].not_before + timedelta(seconds=1))


def test_who_waits_comes_in_order_and_before_who_has_just_arrived(settings):
    settings.LATCHKEY_HOST_TESTS_AT_ONCE = 1
    first, second, third = clocks(3)
    now = timezone.now()
    assert claim(first, now)
    assert claim(second, now) is claim(third, now) is None
    turns = [CredentialTest.objects.get(pk=test.pk).not_before for test in (second, third)]
    assert turns[0] < turns[1]
    end(first)
    (newcomer,) = clocks(1)
    assert claim(newcomer, now) is None
    assert CredentialTest.objects.get(pk=newcomer.pk).not_before > turns[1]
    assert claim(second, turns[0] + timedelta(milliseconds=1))


def test_a_thousand_due_at_once_come_a_minute_s_worth_each_minute(settings):
    """Round after round, against a quick provider."""
    settings.LATCHKEY_HOST_TESTS_A_MINUTE = 10
    tests = clocks(25)
    now = timezone.now()
    begun: list[datetime] = []
    ids = [test.pk for test in tests]
    for tick in range(20):
        at = now + timedelta(seconds=15 * tick)
        for pk in ids:
            held = hosts.claim(pk, at, worker="w", ticket_hash="x")
            if held:
                begun.append(at)
                CredentialTest.objects.filter(pk=pk).update(finished_at=at, leased_until=None)
        due = CredentialTest.objects.due(at + timedelta(seconds=15)).scheduled()
        ids = list(due.order_by("not_before", "pk").values_list("pk", flat=True))
    assert len(begun) == 25
    for start in begun:
        assert sum(start <= other < start + timedelta(minutes=1) for other in begun) <= 10


def test_other_hosts_and_our_own_endpoint_do_not_wait():
    for test in clocks(4):
        assert claim(test)
    (other,) = clocks(1, "other.test")
    assert claim(other)
    own = ask(make_secret(make_key("own")), interactive=False)
    held = claim(own)
    assert held
    assert held.host == ""


def test_a_worker_that_died_frees_its_place_when_its_lease_ends():
    tests = clocks(5)
    now = timezone.now()
    for test in tests[:4]:
        claim(test, now)
    assert claim(tests[4], now + timedelta(seconds=61))


@pytest.fixture
def slow_down(monkeypatch):
    """The provider answers 429, with this Retry-After."""

    def say(seconds: float | None):
        finding = Finding(Outcome.RATE_LIMITED, http_status=429, retry_after=seconds)
        monkeypatch.setattr(testing, "look", lambda *_: finding)

    return say


@pytest.mark.parametrize(("said", "waits"), [(300, 300), (None, 60), (0, 0)])
def test_a_provider_that_asks_for_peace_gets_it(slow_down, said, waits):
    slow_down(said)
    first, second = clocks(2)
    before = timezone.now()
    testing.run_credential_test(first.pk)
    gate = ProviderHost.objects.get(name=HOST)
    assert gate.not_before
    assert 0 <= (gate.not_before - before).total_seconds() - waits < 5
    if waits:
        assert claim(second) is None
        second.refresh_from_db()
        assert second.not_before >= gate.not_before
        assert claim(ask(outside("urgent")))
        assert claim(second, second.not_before + timedelta(seconds=1))


def test_nobody_is_asked_for_peace_by_our_own_endpoint(slow_down):
    slow_down(300)
    testing.run_credential_test(ask(make_secret(make_key())).pk)
    assert not ProviderHost.objects.exists()


def test_what_is_claimed_finished_or_gone_is_left_alone():
    (test,) = clocks(1)
    assert claim(test)
    assert claim(test) is None
    assert hosts.claim(10**9, timezone.now(), worker="w", ticket_hash="x") is None


NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("", None),
        ("30", 30),
        (" 0 ", 0),
        ("99999999999999999999", 86400),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("²", None),
        (format_datetime(NOON + timedelta(minutes=2), usegmt=True), 120),
        (format_datetime(NOON - timedelta(hours=1), usegmt=True), 0),
        (format_datetime(NOON + timedelta(days=400), usegmt=True), 86400),
    ],
)
def test_how_long_a_server_wants_peace(said, seconds):
    reply = Reply(429, {"retry-after": said}, b"")
    assert wait_asked(reply, NOON.timestamp()) == seconds
