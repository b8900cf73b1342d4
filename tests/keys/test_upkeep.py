import json
from datetime import timedelta
from hashlib import sha256
from threading import Barrier, Thread

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from environments.events import Event
from environments.models import Session
from keys.models import LEASE, CredentialTest, Handover, Secret
from keys.outcomes import Outcome
from keys.probe import Finding
from keys.upkeep import findings, purging, testing
from tests.keys.made import TEXT, ask, make_key, make_secret
from tests.log import events
from tests.servers import saying, serving

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]

GOOD = saying('{"access_token":"opaque","token_type":"Bearer","expires_in":300}')
REFUSAL = saying('{"error":"invalid_client"}', "401 Unauthorized")


@pytest.fixture
def secret() -> Secret:
    return make_secret(make_key())


@pytest.fixture
def endpoint(settings):
    """Let the environment's own endpoint be this server, and run the test against it."""

    def run(test: CredentialTest, answer):
        with serving(answer) as server:
            settings.LATCHKEY_INTERNAL_URL = f"http://127.0.0.1:{server.port}"
            testing.run_credential_test(test.pk)
        test.refresh_from_db()
        test.key.refresh_from_db()
        return server

    return run


def test_a_test_fetches_a_token_from_the_environments_own_endpoint(secret, endpoint):
    test = ask(secret)
    server = endpoint(test, GOOD)
    path = f"POST /t/{secret.key.environment.issuer_id}/token HTTP/1.1"
    assert server.requests[0].startswith(path.encode())
    assert test.result is Outcome.WORKS
    assert [stage["name"] for stage in test.stages][-1] == "checked"
    assert test.finished_at
    assert test.key.last_outcome == "works"
    assert test.key.failing_since is None
    assert events() == []


def test_the_ticket_on_the_wire_has_its_hash_on_the_row_while_leased(secret, endpoint):
    test, seen = ask(secret), []

    def answer(sock):
        seen.append(True)
        GOOD(sock)

    claims = []
    real = CredentialTest.objects.claim

    def claim(*args, **values):
        claims.append(values["ticket_hash"])
        return real(*args, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(CredentialTest.objects), "claim", staticmethod(claim))
        server = endpoint(test, answer)
    head = server.requests[0].decode().split("Latchkey-Test: ")[1].split("\r\n")[0]
    assert claims == [sha256(head.encode()).hexdigest()]
    assert test.ticket_hash == ""


def test_a_refusal_marks_the_key_failing_once_and_a_token_mends_it(secret, endpoint):
    endpoint(ask(secret), REFUSAL)
    test = ask(secret)
    endpoint(test, REFUSAL)
    assert test.key.failing_since
    endpoint(test := ask(secret), GOOD)
    assert test.key.failing_since is None
    assert events() == [Event.KEY_FAILING, Event.KEY_WORKING]


@pytest.mark.parametrize("answer", [saying("", "503 Busy"), saying("", "429 Slow"), saying("<p>")])
def test_a_fault_of_the_endpoint_does_not_mark_the_key(answer, secret, endpoint):
    endpoint(test := ask(secret), answer)
    assert test.key.failing_since is None
    assert test.key.last_outcome == test.outcome != "works"
    assert events() == []


def test_a_disabled_key_is_red_but_not_failing(secret, endpoint):
    secret.key.disabled_at = timezone.now()
    secret.key.save()
    said = '{"error":"invalid_client","error_description":"The secret is right, but this key is disabled."}'
    endpoint(test := ask(secret), saying(said, "401 Unauthorized"))
    assert test.result is Outcome.DISABLED
    assert test.key.failing_since is None


def test_an_older_secret_says_nothing_about_the_keys_health(secret, endpoint):
    make_secret(secret.key, "newer")
    endpoint(test := ask(secret), REFUSAL)
    assert test.result is Outcome.REFUSED
    assert test.key.last_tested_at is None


def test_a_secret_erased_meanwhile_is_not_judged(secret, endpoint):
    Secret.objects.update(sealed=None, revoked_at=timezone.now())
    server = endpoint(test := ask(secret), GOOD)
    assert test.result is Outcome.ENDED
    assert server.requests == []


def test_a_box_moved_from_another_row_stays_shut(secret, endpoint):
    other = make_secret(make_key("other"), "another")
    Secret.objects.filter(pk=secret.pk).update(sealed=other.sealed)
    server = endpoint(test := ask(secret), GOOD)
    assert test.result is Outcome.CANNOT_OPEN
    assert server.requests == []


def test_the_row_holds_no_secret_whatever_the_endpoint_echoes(secret, endpoint):
    body = json.dumps({"error": "invalid_client", "error_description": f"{TEXT} is wrong"})
    endpoint(test := ask(secret), saying(body, "401 Unauthorized"))
    assert "planted" not in test.said
    assert test.said == "••• is wrong"


def test_a_finished_cancelled_or_unknown_test_is_left_alone(secret, endpoint):
    test = ask(secret, finished_at=timezone.now(), outcome="cancelled")
    assert endpoint(test, GOOD).requests == []
    testing.run_credential_test(10**9)


def test_a_frozen_workers_late_answer_is_dropped(secret, endpoint):
    test = ask(secret)
    frozen = CredentialTest.objects.claim(test.pk, timezone.now(), worker="w", ticket_hash="")
    CredentialTest.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    endpoint(test, GOOD)
    assert frozen
    assert findings.keep(frozen, Finding(Outcome.REFUSED)) is False
    test.refresh_from_db()
    assert (test.result, test.attempt) == (Outcome.WORKS, 2)
    assert test.key.failing_since is None


def test_an_answer_after_cancelling_is_dropped(secret):
    test = ask(secret)
    held = CredentialTest.objects.claim(test.pk, timezone.now(), worker="w", ticket_hash="")
    CredentialTest.objects.update(finished_at=timezone.now(), outcome=Outcome.CANCELLED)
    assert held
    assert findings.keep(held, Finding(Outcome.WORKS)) is False


def test_what_a_person_waits_for_shows_each_stage_as_it_begins(secret, endpoint, monkeypatch):
    shown, real = [], testing._teller

    def teller(test):
        tell = real(test)

        def both(stages):
            tell(stages)
            shown.append(CredentialTest.objects.get(pk=test.pk).stages[-1]["name"])

        return both

    monkeypatch.setattr(testing, "_teller", teller)
    endpoint(ask(secret), GOOD)
    assert shown == ["name", "connect", "request", "token"]
    endpoint(ask(secret, interactive=False), GOOD)
    assert len(shown) == 4


@pytest.mark.django_db(transaction=True)
def test_two_workers_race_for_one_row_and_one_token_is_bought(settings):
    test = ask(make_secret(make_key()))
    start = Barrier(4)

    def work():
        start.wait()
        testing.run_credential_test(test.pk)
        connection.close()

    with serving(GOOD) as server:
        settings.LATCHKEY_INTERNAL_URL = f"http://127.0.0.1:{server.port}"
        workers = [Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    test.refresh_from_db()
    assert len(server.requests) == 1
    assert (test.result, test.attempt) == (Outcome.WORKS, 1)


def test_a_lease_keeps_others_away_until_it_ends(secret):
    test, now = ask(secret), timezone.now()
    claim = CredentialTest.objects.claim
    assert claim(test.pk, now, worker="a", ticket_hash="")
    assert claim(test.pk, now + LEASE, worker="b", ticket_hash="") is None
    assert claim(test.pk, now + LEASE + timedelta(seconds=1), worker="b", ticket_hash="")


def test_an_uncollected_secret_is_revoked_after_72_hours_and_the_trail_says_so(secret):
    old = timezone.now() - timedelta(hours=73)
    fresh = make_secret(secret.key, "fresh")
    collected = make_secret(secret.key, "collected", created_at=old, collected_at=old)
    used = make_secret(secret.key, "used", created_at=old, last_used_at=old)
    Secret.objects.filter(pk=secret.pk).update(created_at=old)
    purging.purge(timezone.now())
    purging.purge(timezone.now())
    secret.refresh_from_db()
    assert secret.revoked_at
    assert secret.sealed is None
    kept = Secret.objects.filter(revoked_at=None).values_list("pk", flat=True)
    assert set(kept) == {fresh.pk, collected.pk, used.pk}
    assert events() == [Event.SECRET_LAPSED]


def test_a_sight_of_a_secret_ends_after_ten_minutes(secret, django_user_model):
    user = django_user_model.objects.create_user("ana@acme.test", "x")
    now = timezone.now()
    for minutes in (1, 11, 60 * 24 * 8):
        made_at = now - timedelta(minutes=minutes)
        name = f"h{minutes}"
        Handover.objects.create(
            user=user, secret=secret, public_id=name, form_hash=name, sealed=b"x", made_at=made_at
        )
    purging.purge(now)
    left = {
        each.public_id: (each.sealed is None, each.closed_at) for each in Handover.objects.all()
    }
    assert left == {"h1": (False, None), "h11": (True, now)}


def test_ended_sessions_are_erased():
    now = timezone.now()
    for name, days in (("old", -1), ("new", 1)):
        Session.objects.create(session_key=name, expire_date=now + timedelta(days=days))
    purging.purge(now)
    assert [each.session_key for each in Session.objects.all()] == ["new"]


def test_who_collects_at_the_last_moment_keeps_the_secret(secret):
    Secret.objects.filter(pk=secret.pk).update(collected_at=timezone.now())
    purging._revoke_uncollected(secret, timezone.now())
    secret.refresh_from_db()
    assert secret.revoked_at is None
    assert events() == []


def test_a_busy_database_costs_the_view_and_not_the_test(secret, endpoint, monkeypatch):
    def locked(*_, **__):
        raise OperationalError("database is locked")

    real = testing._teller

    def teller(test):
        tell = real(test)

        def told(stages):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("django.db.models.query.QuerySet.update", locked)
                tell(stages)

        return told

    monkeypatch.setattr(testing, "_teller", teller)
    endpoint(test := ask(secret), GOOD)
    assert test.result is Outcome.WORKS
