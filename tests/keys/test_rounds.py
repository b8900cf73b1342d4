"""A round: what the clock asked for, by the handful. It does what single tests do, only cheaper."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.forms.models import model_to_dict
from django.utils import timezone

from environments.course import Stage
from environments.events import Event
from keys import tasks
from keys.models import STRIKES, CredentialTest, Key, Secret, TokenEndpoint
from keys.outcomes import Outcome
from keys.probe import Finding
from keys.upkeep import findings, rounds, testing
from tests.keys.made import ask, make_key, make_secret
from tests.log import events
from tests.servers import saying, serving

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]

GOOD = saying('{"access_token":"opaque","token_type":"Bearer","expires_in":300}')
REFUSAL = saying('{"error":"invalid_client"}', "401 Unauthorized")


def clocks(count: int) -> list[CredentialTest]:
    """As many keys, each with a test that the clock asked for."""
    return [of_clock(make_secret(make_key(f"key {number}"))) for number in range(count)]


def of_clock(secret: Secret, **values) -> CredentialTest:
    return ask(secret, interactive=False, reason="schedule", **values)


@pytest.fixture
def endpoint(settings):
    """Let every key's endpoint be this server, and go round once."""

    def run(answer):
        with serving(answer) as server:
            settings.LATCHKEY_INTERNAL_URL = f"http://127.0.0.1:{server.port}"
            tasks.run_due_tests()
        return server

    return run


def outcomes() -> list[str]:
    return list(CredentialTest.objects.order_by("pk").values_list("outcome", flat=True))


def test_a_round_runs_all_that_the_clock_asked_for_and_nothing_else(endpoint):
    clocks(20)
    secret = make_secret(make_key("other"))
    person = ask(secret)
    bulk = ask(secret, interactive=False, reason="batch")
    early = of_clock(secret, not_before=timezone.now() + timedelta(minutes=1))
    server = endpoint(GOOD)
    assert outcomes() == ["works"] * 20 + [""] * 3
    assert len(server.requests) == 20
    for test in (person, bulk, early):
        test.refresh_from_db()
        assert test.attempt == 0
    assert Key.objects.filter(last_outcome="works").count() == 20


def test_each_secret_is_sent_for_its_own_key_with_a_ticket_that_its_row_knows(endpoint):
    clocks(3)
    server = endpoint(GOOD)
    heads = {request.split(b"Authorization: ")[1].split(b"\r\n")[0] for request in server.requests}
    assert len(heads) == 3
    assert all(b"Latchkey-Test: " in request for request in server.requests)
    assert set(CredentialTest.objects.values_list("ticket_hash", flat=True)) == {""}


def test_a_refusal_makes_its_key_failing_and_is_looked_at_once_more(endpoint):
    clocks(3)
    endpoint(REFUSAL)
    assert Key.objects.exclude(failing_since=None).count() == 3
    assert events() == [Event.KEY_FAILING] * 3
    assert CredentialTest.objects.unfinished().count() == 3


def test_a_key_that_failed_is_told_to_work_again(endpoint):
    (test,) = clocks(1)
    Key.objects.update(failing_since=timezone.now() - timedelta(hours=1))
    endpoint(GOOD)
    test.key.refresh_from_db()
    assert test.key.failing_since is None
    assert events() == [Event.KEY_WORKING]


FOUND = [
    Finding(Outcome.WORKS, (Stage("name", "ok", 0.1), Stage("checked", "ok", 1.5, "300 s")), 200),
    Finding(Outcome.SERVER_ERROR, http_status=503, error="busy", said="later", duration_ms=3.5),
    Finding(Outcome.CANNOT_OPEN),
    Finding(Outcome.TIMEOUT, duration_ms=10_000.0),
]
FROM_THE_CLOCK = ["id", "key", "secret", "finished_at", "last_tested_at", "client_id", "name"]


@pytest.mark.parametrize("finding", FOUND, ids=lambda each: each.outcome.value)
def test_what_is_kept_by_the_handful_is_what_is_kept_one_by_one(finding, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    clocks(2)
    alone, quiet = claim(2)
    assert findings.keep(alone, finding)
    assert findings.keep_quiet({quiet: finding}) == {quiet}
    rows = [CredentialTest.objects.get(pk=each.pk) for each in (alone, quiet)]
    for one, other in (rows, [row.key for row in rows]):
        assert model_to_dict(one, exclude=FROM_THE_CLOCK) == model_to_dict(
            other, exclude=FROM_THE_CLOCK
        )
    assert rows[0].finished_at == rows[1].finished_at
    assert rows[0].key.last_tested_at == rows[1].key.last_tested_at is not None


def claim(most: int) -> list[CredentialTest]:
    return CredentialTest.objects.claim_built_in(most, timezone.now(), worker="w", ticket_hash="x")


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.EXPIRED, Outcome.ENDED])
def test_what_is_told_of_is_left_to_be_kept_one_by_one(outcome):
    clocks(1)
    (test,) = claim(1)
    assert findings.keep_quiet({test: Finding(outcome)}) == set()
    test.refresh_from_db()
    assert test.finished_at is None


def test_a_late_answer_is_dropped_whoever_has_the_row_now():
    clocks(2)
    late, cancelled = claim(2)
    CredentialTest.objects.filter(pk=late.pk).update(fence=late.fence + 1)
    CredentialTest.objects.filter(pk=cancelled.pk).cancel(timezone.now())
    works = Finding(Outcome.WORKS)
    assert findings.keep_quiet({late: works, cancelled: works}) == {late, cancelled}
    assert outcomes() == ["", "cancelled"]
    assert not Key.objects.exclude(last_tested_at=None).exists()


def test_an_older_secret_says_nothing_about_its_keys_health(endpoint):
    (test,) = clocks(1)
    make_secret(test.key, "newer")
    endpoint(GOOD)
    test.key.refresh_from_db()
    assert outcomes() == ["works"]
    assert test.key.last_tested_at is None


def test_what_is_leased_or_was_tried_three_times_is_not_claimed():
    now = timezone.now()
    secret = make_secret(make_key())
    of_clock(secret, leased_until=now + timedelta(seconds=9))
    of_clock(make_secret(make_key("b")), attempt=STRIKES, leased_until=now - timedelta(seconds=1))
    died = of_clock(make_secret(make_key("c")), attempt=1, leased_until=now - timedelta(seconds=1))
    assert claim(9) == [died]
    died.refresh_from_db()
    assert (died.attempt, died.fence, died.worker) == (2, 1, "w")
    assert claim(9) == []


def test_one_that_breaks_is_tried_again_later_and_the_others_go_on(endpoint, monkeypatch):
    tests, real = clocks(3), testing.look

    def look(test, ticket):
        if test.pk == tests[1].pk:
            raise RuntimeError
        return real(test, ticket)

    monkeypatch.setattr(rounds, "look", look)
    endpoint(GOOD)
    assert outcomes() == ["works", "", "works"]
    tests[1].refresh_from_db()
    assert tests[1].leased_until


def test_a_finding_that_cannot_be_kept_does_not_take_the_others_with_it(endpoint, monkeypatch):
    tests, real = clocks(3), findings.keep

    def keep(test, finding):
        if test.pk == tests[0].pk:
            raise RuntimeError
        return real(test, finding)

    monkeypatch.setattr(rounds, "keep", keep)
    endpoint(REFUSAL)
    assert outcomes()[:3] == ["", "refused", "refused"]


def test_a_second_round_in_the_same_process_is_none(endpoint):
    clocks(1)
    with rounds._under_way:
        endpoint(GOOD)
    assert outcomes() == [""]
    endpoint(GOOD)
    assert outcomes() == ["works"]


def test_a_worker_that_is_told_to_stop_claims_nothing_more(endpoint, monkeypatch):
    clocks(1)
    rounds.closing.set()
    try:
        endpoint(GOOD)
    finally:
        rounds.closing.clear()
    assert outcomes() == [""]


def test_outside_hosts_are_asked_a_few_at_a_time_in_a_round_too(monkeypatch, settings):
    settings.LATCHKEY_HOST_TESTS_AT_ONCE = 4
    for test in clocks(12):
        place = test.key.environment
        endpoint = TokenEndpoint.objects.create(
            environment=place, name=test.key.name, url="https://id.redox.test/token", method="x"
        )
        Secret.objects.filter(pk=test.secret_id).update(endpoint=endpoint)
    begun = []

    def look(test, _ticket):
        begun.append(test.pk)
        return Finding(Outcome.WORKS)

    monkeypatch.setattr(rounds, "look", look)
    list(rounds.run_due_tests())
    waiting = CredentialTest.objects.unfinished()
    assert 4 <= len(begun) < 12
    assert (
        waiting.filter(host="id.redox.test", not_before__gt=timezone.now()).count() + len(begun)
        == 12
    )


@pytest.mark.django_db(transaction=True)
def test_two_workers_claim_different_rows():
    clocks(20)
    start, mine = Barrier(2), []

    def work():
        start.wait()
        for _ in range(4):
            mine.extend(claim(5))
        connection.close()

    workers = [Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(test.pk for test in mine) == sorted(
        CredentialTest.objects.values_list("pk", flat=True)
    )
    assert set(CredentialTest.objects.values_list("attempt", flat=True)) == {1}
