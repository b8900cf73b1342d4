"""People adding public keys to a key, and ending them."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from environments.models import AuditEvent
from keys.health import health, shown_proof, signs_alone
from keys.models import Key, PublicKey
from keys.public_keys import MOST, read_public_keys
from keys.services import public_keys as verbs
from keys.services.issuing import AgainstPolicy, KeyEnded, NameTaken, NewKey
from keys.services.keeping import delete_key, revoke_secret
from keys.services.rotating import (
    Plan,
    ProvenBySignature,
    prepare_rotation,
    start_rotation,
)
from tests.cast import sight
from tests.keys.made import make_secret
from tests.keys.pairs import ED, P256, P384, RSA, key_set, public

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def entered(*keys, **changes):
    return read_public_keys(key_set(*(public(key, **changes) for key in keys)), now=NOW)


@pytest.fixture
def signed(acme) -> Key:
    return verbs.create_key(acme.enter("engineer"), NewKey("signer"))


@pytest.fixture
def add(acme, signed):
    def adding(*keys, by: str = "engineer", **more) -> list[PublicKey]:
        kid = more.pop("kid", None)
        return verbs.add_public_keys(
            acme.enter(by), signed.client_id, entered(*keys, kid=kid), **more
        )

    return adding


def test_an_engineer_adds_a_set_and_the_log_says_which(add, signed):
    made = add(P256, RSA)
    assert [each.kid for each in made] == [P256.thumbprint(), RSA.thumbprint()]
    assert [each.kind for each in made] == ["P-256", "RSA 2048"]
    assert set(json.loads(made[1].jwk)) == {"kty", "n", "e"}
    lines = AuditEvent.objects.filter(event="public-key.added").order_by("sequence")
    assert [line.detail["after"]["kid"] for line in lines] == [each.kid for each in made]
    assert lines[0].detail["after"]["algorithm"] == "ES256"
    assert lines[0].detail["after"]["thumbprint"] == P256.thumbprint()
    assert lines[0].subject == f"key:{signed.client_id}"


@pytest.mark.parametrize("who", ["support", "viewer"])
def test_those_who_may_not_rotate_add_none(add, who):
    with pytest.raises(PermissionDenied):
        add(P256, by=who)


def test_a_lead_adds_one_to_the_own_teams_key(acme):
    key = verbs.create_key(acme.enter("engineer"), NewKey("signer", acme.team))
    verbs.add_public_keys(acme.enter("lead"), key.client_id, entered(P256))
    assert key.public_keys.count() == 1


def test_a_stranger_finds_no_such_key(acme, signed):
    scope = acme.enter("lead")
    with pytest.raises(Key.DoesNotExist):
        verbs.add_public_keys(scope, signed.client_id, entered(P256))


def test_a_kid_that_lives_is_not_given_twice_and_may_come_again_later(acme, add, signed):
    (first,) = add(P256, kid="a")
    with pytest.raises(verbs.KidTaken, match="a"):
        add(P384, kid="a")
    with pytest.raises(verbs.AddedBefore):
        add(P256, kid="b")
    verbs.revoke_public_key(acme.enter("engineer"), signed.client_id, first.public_id)
    add(P384, kid="a")
    assert signed.public_keys.filter(kid="a").count() == 2


def test_of_a_set_all_or_none_is_added(acme, add, signed):
    add(P256)
    with pytest.raises(verbs.AddedBefore):
        verbs.add_public_keys(acme.enter("engineer"), signed.client_id, entered(ED, P256))
    assert signed.public_keys.count() == 1


def test_so_many_live_at_once_and_no_more(add, signed):
    rows = [
        PublicKey(
            key=signed, kid=str(n), thumbprint=str(n), algorithm="ES256", jwk="{}", kind="P-256"
        )
        for n in range(MOST)
    ]
    PublicKey.objects.bulk_create(rows)
    with pytest.raises(verbs.TooManyPublicKeys):
        add(P256)


def test_a_deleted_key_takes_none(acme, add, signed, issue):
    issue(name="other")
    delete_key(acme.enter("engineer"), signed.client_id)
    with pytest.raises(KeyEnded):
        add(P256)


def test_the_sooner_end_counts(add):
    (made,) = add(P256, expires_at=NOW)
    assert made.expires_at == NOW


def test_where_keys_must_expire_a_public_key_must(acme, add, signed):
    acme.organization.environments.update(expiry_required=True)
    with pytest.raises(AgainstPolicy):
        add(P256)
    add(P256, expires_at=timezone.now() + timedelta(days=9))


def test_the_right_person_revokes_one_in_every_process_at_once(acme, add, signed):
    (made,) = add(P256)
    with pytest.raises(PermissionDenied):
        verbs.revoke_public_key(acme.enter("support"), signed.client_id, made.public_id)
    verbs.revoke_public_key(acme.enter("engineer"), signed.client_id, made.public_id)
    verbs.revoke_public_key(acme.enter("engineer"), signed.client_id, made.public_id)
    assert not PublicKey.objects.live(timezone.now()).exists()
    (line,) = AuditEvent.objects.filter(event="public-key.revoked")
    assert line.detail["before"]["kid"] == made.kid
    assert line.detail["after"] is None


def test_a_name_is_taken_once(acme, signed):
    with pytest.raises(NameTaken):
        verbs.create_key(acme.enter("engineer"), NewKey("signer"))


def test_a_key_without_a_public_key_says_that_it_cannot_be_used_yet(signed):
    state = health(signed, timezone.now())
    assert (state.tone, state.word, state.detail) == (
        "bad",
        "No public key",
        "it cannot be used yet",
    )


def test_a_key_that_only_signs_is_never_called_working(add, signed):
    (made,) = add(P256)
    assert signs_alone(signed)
    assert health(signed, timezone.now()).word == "Not used yet"
    PublicKey.objects.filter(pk=made.pk).update(last_used_at=timezone.now())
    assert health(signed, timezone.now()).word == "Used"
    PublicKey.objects.filter(pk=made.pk).update(expires_at=NOW - timedelta(days=900))
    assert health(signed, timezone.now()).word == "Expired"
    assert shown_proof(signed) == made


def test_a_key_with_a_secret_too_is_judged_by_the_secret(add, signed):
    add(P256)
    make_secret(signed)
    assert not signs_alone(signed)
    assert health(signed, timezone.now()).word == "Secret not collected"


def test_an_engineer_gives_one_another_end_and_the_log_says_which(acme, add, signed):
    (made,) = add(P256)
    ends = timezone.now() + timedelta(days=9)
    with pytest.raises(PermissionDenied):
        verbs.set_public_key_expiry(acme.enter("support"), signed.client_id, made.public_id, ends)
    verbs.set_public_key_expiry(acme.enter("engineer"), signed.client_id, made.public_id, ends)
    made.refresh_from_db()
    assert made.expires_at == ends
    (line,) = AuditEvent.objects.filter(event="public-key.expiry-changed")
    assert line.detail["before"]["expires_at"] is None
    assert line.detail["after"]["expires_at"] == ends.isoformat()


def test_what_has_ended_stays_ended_and_a_policy_holds(acme, add, signed):
    (made,) = add(P256)
    scope = acme.enter("engineer")
    scope.environment.expiry_required = True
    with pytest.raises(AgainstPolicy):
        verbs.set_public_key_expiry(scope, signed.client_id, made.public_id, None)
    verbs.revoke_public_key(scope, signed.client_id, made.public_id)
    with pytest.raises(KeyEnded):
        verbs.set_public_key_expiry(
            scope, signed.client_id, made.public_id, timezone.now() + timedelta(days=9)
        )


def test_the_same_form_posted_again_gives_the_same_key(acme):
    scope = acme.enter("engineer")
    first = verbs.create_key(scope, NewKey("twice"), "o" * 32)
    assert verbs.create_key(scope, NewKey("twice"), "o" * 32) == first
    with pytest.raises(NameTaken):
        verbs.create_key(scope, NewKey("twice"), "p" * 32)
    with pytest.raises(NameTaken):
        verbs.create_key(acme.enter("lead"), NewKey("twice", acme.team), "o" * 32)
    assert AuditEvent.objects.filter(event="key.created").count() == 1


def test_a_failure_of_a_secret_ends_with_it_where_public_keys_go_on(acme, add, signed):
    add(P256)
    secret = make_secret(signed)
    Key.objects.filter(pk=signed.pk).update(
        failing_since=NOW, failing_told_at=NOW, last_outcome="refused"
    )
    revoke_secret(acme.enter("engineer"), signed.client_id, secret.public_id)
    signed.refresh_from_db()
    assert (signed.failing_since, signed.failing_told_at, signed.last_outcome) == (None, None, "")
    assert health(signed, timezone.now()).word == "Not used yet"


def test_a_failure_stays_where_nothing_else_proves_the_key(acme, signed):
    secret = make_secret(signed)
    Key.objects.filter(pk=signed.pk).update(failing_since=NOW, last_outcome="refused")
    revoke_secret(acme.enter("engineer"), signed.client_id, secret.public_id)
    signed.refresh_from_db()
    assert signed.failing_since == NOW


def test_no_secret_is_made_beside_public_keys(acme, add, signed):
    add(P256)
    with pytest.raises(ProvenBySignature):
        start_rotation(acme.enter("engineer"), signed.client_id, Plan(timedelta()), sight())
    with pytest.raises(ProvenBySignature):
        prepare_rotation(acme.enter("engineer"), signed.client_id, Plan(timedelta()))
    assert not signed.secrets.exists()
    assert not signed.rotations.exists()
