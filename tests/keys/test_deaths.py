"""What ended because its client signs is proven dead: refused, beside a signature of the client that is accepted."""

import json
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from environments.models import Notice
from keys import tasks
from keys.death import WAIT_FOR, Facts, Next, what_next
from keys.models import CredentialTest, Death, Key, Secret
from keys.outcomes import Outcome
from keys.probe import Finding
from keys.public_keys import read_public_keys
from keys.services import public_keys
from keys.services.switching import end_secrets
from keys.upkeep import findings, folding
from tests.keys.pages.addresses import page
from tests.keys.pairs import P256, public
from tests.keys.worker import work
from tests.log import happened, lines

NOW = datetime.fromisoformat("2026-11-25T12:00:00+00:00")
SECOND = timedelta(seconds=1)


def facts(**known: object) -> Facts:
    return Facts(**{"ended_at": NOW - timedelta(hours=1)} | known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "coming"),
    [
        ({}, Next.TRY),
        ({"testing": True}, Next.WAIT),
        ({"erased": True}, Next.UNPROVEN),
        ({"tried_at": NOW, "attempt": 1}, Next.WAIT),
        ({"tried_at": NOW - timedelta(minutes=2), "attempt": 3}, Next.TRY),
        ({"tried_at": NOW, "refused_at": NOW}, Next.WAIT),
        ({"refused_at": NOW, "signed_at": NOW - timedelta(minutes=2)}, Next.WAIT),
        ({"refused_at": NOW - timedelta(minutes=9), "signed_at": NOW - 20 * SECOND}, Next.TRY),
        ({"refused_at": NOW - timedelta(minutes=9), "signed_at": NOW - 40 * SECOND}, Next.WAIT),
        ({"refused_at": NOW, "signed_at": NOW - 60 * SECOND}, Next.PROVEN),
        ({"refused_at": NOW - 59 * SECOND, "signed_at": NOW}, Next.PROVEN),
        ({"signed_at": NOW}, Next.TRY),
        ({"ended_at": NOW - WAIT_FOR, "refused_at": NOW}, Next.UNPROVEN),
    ],
)
def test_the_refusal_counts_beside_a_signature_within_the_minute(known, coming):
    assert what_next(facts(**known), NOW)[0] is coming


def test_a_wait_has_an_end():
    for known in ({"testing": True}, {"refused_at": NOW}, {"tried_at": NOW, "attempt": 2}):
        assert what_next(facts(**known), NOW)[1] > NOW


@pytest.fixture
def key(acme, issue) -> Key:
    """Its client signs, and its secret has just been ended."""
    made = issue(team=acme.team).key
    found = read_public_keys(json.dumps(public(P256, kid="main")), now=timezone.now())
    public_keys.add_public_keys(acme.enter("engineer"), made.client_id, found)
    now = timezone.now()
    made.secrets.update(last_used_at=now - timedelta(days=2), created_at=now - timedelta(days=9))
    made.public_keys.update(last_used_at=now - timedelta(hours=1), use_count=1)
    end_secrets(acme.enter("engineer"), made.client_id)
    return made


def the_death(key: Key) -> Death:
    return Death.objects.select_related("secret").get(secret__key=key)


def found(key: Key, outcome: Outcome) -> None:
    """The trial that is due ends like this."""
    test = CredentialTest.objects.unfinished().get(key=key)
    held = CredentialTest.objects.claim(test.pk, timezone.now(), worker="w", ticket_hash="")
    assert held
    assert findings.keep(held, Finding(outcome))


def step(time_machine, later: timedelta = 16 * SECOND) -> None:
    time_machine.move_to(timezone.now() + later)
    tasks.step_rotations()


def test_it_is_tried_at_once_and_proven_dead_once_its_client_has_signed(key, time_machine):
    step(time_machine)
    found(key, Outcome.REFUSED)
    step(time_machine)
    assert the_death(key).closed_at is None
    assert the_death(key).secret.sealed is not None
    key.public_keys.update(last_used_at=timezone.now() + timedelta(minutes=5))
    step(time_machine, timedelta(minutes=5, seconds=10))
    found(key, Outcome.REFUSED)
    step(time_machine)
    death = the_death(key)
    assert death.proven
    assert death.secret.sealed is None
    assert death.refused_by
    assert death.refused_by.finished_at
    assert death.signed_at
    assert abs(death.refused_by.finished_at - death.signed_at) <= timedelta(minutes=1)
    assert happened(key)[-1] == "secret.proven-dead"
    tasks.step_rotations()
    assert lines("secret.proven-dead") == 1


def test_an_endpoint_that_is_away_proves_nothing_and_it_is_tried_again(key, time_machine):
    step(time_machine)
    found(key, Outcome.TIMEOUT)
    key.public_keys.update(last_used_at=timezone.now())
    tasks.step_rotations()
    assert not CredentialTest.objects.unfinished().filter(key=key).exists()
    step(time_machine)
    assert CredentialTest.objects.unfinished().filter(key=key).count() == 1
    assert the_death(key).closed_at is None


def test_one_that_is_still_accepted_is_an_incident_told_once(key, acme, sign_in, time_machine):
    for _ in range(2):
        step(time_machine, timedelta(minutes=2))
        found(key, Outcome.WORKS)
    step(time_machine)
    assert lines("secret.still-accepted") == 1
    notice = Notice.objects.get(title__contains="still accepted")
    assert (notice.user, notice.tone) == (acme["lead"], "bad")
    assert notice.path == page("switch", key)
    assert "An ended secret is still accepted" in sign_in("viewer").get("/o/acme/").content.decode()


def test_after_thirty_days_without_a_signature_it_stays_unproven(key, time_machine):
    step(time_machine)
    found(key, Outcome.REFUSED)
    step(time_machine, timedelta(days=31))
    death = the_death(key)
    assert death.closed_at
    assert not death.proven
    assert death.secret.sealed is None
    assert not lines("secret.proven-dead")


def test_a_deleted_key_has_nothing_left_to_prove(key, time_machine):
    Key.objects.update(deleted_at=timezone.now())
    step(time_machine)
    assert the_death(key).closed_at
    assert not CredentialTest.objects.unfinished().exists()


def test_everybody_who_sees_the_key_sees_the_receipts(key, sign_in, time_machine):
    client = sign_in("viewer")
    shown = client.get(page("switch", key)).content.decode()
    assert "Ended, being proven dead" in shown
    assert "hx-trigger" in shown
    step(time_machine)
    found(key, Outcome.REFUSED)
    client = sign_in("viewer")
    part = client.get(page("switch", key), headers={"HX-Request": "true"}).content.decode()
    assert "next signature is waited for" in part
    assert "<html" not in part
    key.public_keys.update(last_used_at=timezone.now())
    tasks.step_rotations()
    Death.objects.update(next_at=timezone.now())
    tasks.step_rotations()
    shown = sign_in("viewer").get(page("switch", key)).content.decode()
    for words in ("Proven dead", "Signature accepted: main", "Refused"):
        assert words in shown
    assert "hx-trigger" not in shown
    tab = client.get(page("detail", key) + "?tab=secrets").content.decode()
    assert "Proven dead" in tab
    assert page("switch", key) in tab
    trial = the_death(key).refused_by
    assert trial
    run = client.get(page("test_run", key, test=trial.pk)).content.decode()
    assert "Refused, as it should be" in run
    assert sign_in("stranger").get(page("switch", key)).status_code == 404


def test_its_receipt_stays_when_old_tests_are_folded(key, time_machine):
    step(time_machine)
    found(key, Outcome.REFUSED)
    key.public_keys.update(last_used_at=timezone.now())
    step(time_machine)
    trial = the_death(key).refused_by
    assert trial
    folding.fold_tests(timezone.now() + timedelta(days=400))
    assert CredentialTest.objects.filter(pk=trial.pk).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.enable_socket
def test_the_real_token_service_refuses_what_ended(key, live_server, settings):
    settings.LATCHKEY_INTERNAL_URL = live_server.url
    Secret.objects.update(created_at=timezone.now())
    work()
    Death.objects.update(next_at=timezone.now())
    key.public_keys.update(last_used_at=timezone.now())
    tasks.step_rotations()
    death = the_death(key)
    assert death.proven
    assert death.refused_by
    assert death.refused_by.http_status == 401
