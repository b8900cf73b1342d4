"""A new key for each ring: everything moves under it, in whichever process can open it, and the old key can go."""

import base64

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command

from dashboard import seeds
from dashboard.flow import client_of
from dashboard.management.resealing import RINGS
from dashboard.sessions import SEED, SessionStore, sealed_seed
from dashboard.signon import MFAAdapter
from environments.models import IdentityProvider, Session
from keys import fingerprint, resting
from keys.crypto import CannotOpen, PrivateKeyring
from keys.issuer.clients import Place
from keys.issuer.signing import signer_of
from keys.models import Secret, SignedTest, SigningKey, Webhook
from keys.opening import open_credential
from tests.dashboard.resealing.conftest import ASSERTION, ENTERED, SEED_TEXT, reseal, secrets
from tests.keys.test_dump import every_value
from tests.keys.test_keyring import keyring

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("full")]

ROLE = {"credentials": "worker", "peppers": "worker", "issuer": "issuer", "web": "pages"}


def dumped(key_id: str) -> int:
    """In how many cells of a dump, and in how many sessions, a box rests under this key."""
    heads = [bytes((1, suite)) + bytes.fromhex(key_id) for suite in (1, 2)]
    marks = heads + [base64.b64encode(head[:9])[:12] for head in heads]
    cells = sum(any(mark in cell for mark in marks) for cell in every_value())
    seeds_of_sessions = [sealed_seed(row) for row in Session.objects.all()]
    return cells + sum(seeds.held_by(each) == key_id for each in seeds_of_sessions if each)


@pytest.mark.parametrize(("ring", "boxes"), [("credentials", 4), ("issuer", 1), ("web", 4)])
def test_nothing_in_a_dump_is_left_under_the_old_key(house, ring, boxes):
    old, new = house.add(ring)
    house.be(ROLE[ring])
    assert dumped(old) == boxes
    assert dumped(new) == 0
    assert f"{ring}: 0 under older keys than {new}" in reseal(ring)
    assert dumped(old) == 0
    assert dumped(new) == boxes


def test_credentials_open_under_the_new_key_alone_and_say_the_same(house):
    before = {}
    house.be("worker")
    for row in secrets():
        before[row.pk] = open_credential(row.sealed, row.context).reveal()
    old, _ = house.add("credentials")
    house.be("worker")
    reseal("credentials")
    keyring("retire", "credentials", old)
    house.be("worker")
    assert ENTERED in before.values()
    for row in secrets():
        assert open_credential(row.sealed, row.context).reveal() == before[row.pk]
    hook, test = Webhook.objects.get(), SignedTest.objects.get()
    assert open_credential(hook.sealed or b"", hook.context).reveal().startswith("whsec_")
    assert open_credential(test.sealed or b"", test.context).reveal() == ASSERTION


def test_the_token_service_signs_with_the_same_key_as_before(house):
    row = SigningKey.objects.select_related("environment").get()
    old, _ = house.add("issuer")
    house.be("issuer")
    reseal("issuer")
    keyring("retire", "issuer", old)
    house.be("issuer")
    place = row.environment
    signer = signer_of(
        Place(place.pk, place.organization_id, place.issuer_id, place.kind, "", row.kid)
    )
    assert signer.sign("{}").count(".") == 2


def test_people_sign_in_as_before(house):
    old, _ = house.add("web")
    house.be("web")
    reseal("web")
    keyring("retire", "web", old)
    house.be("web")
    decrypt = MFAAdapter().decrypt
    app, codes = (Authenticator.objects.get(type=kind) for kind in ("totp", "recovery_codes"))
    assert decrypt(app.data["secret"]) == SEED_TEXT
    assert decrypt(codes.data["seed"]) == "abc"
    assert codes.data["used_mask"] == 5, "spent codes stay spent"
    assert [decrypt(code) for code in codes.data["migrated_codes"]] == ["1", "2"]
    assert client_of(IdentityProvider.objects.get()).secret.reveal() == "client secret"
    session = SessionStore(Session.objects.get(user=None).session_key)
    assert session[SEED] == SEED_TEXT
    assert len(session["other"]) == 8


def test_a_secret_is_recognised_by_the_new_pepper(house):
    house.be("worker")
    own = next(row for row in secrets() if row.pepper_id)
    text = open_credential(own.sealed, own.context).reveal()
    old, new = house.add("peppers")
    house.be("worker")
    with pytest.raises(CommandError, match=f"1 marks still rest under {old}"):
        keyring("retire", "peppers", old)
    assert "peppers: 0 under older keys" in reseal("peppers")
    keyring("retire", "peppers", old)
    house.be("issuer")
    own.refresh_from_db()
    assert own.pepper_id == new
    assert fingerprint.recognise(text, [(own.pepper_id, bytes(own.mark))]) == 0


def test_a_mark_without_its_sealed_text_is_named_and_keeps_the_pepper(house):
    old, _ = house.add("peppers")
    own = Secret.objects.exclude(pepper_id="").get()
    Secret.objects.filter(pk=own.pk).update(sealed=None)
    house.be("worker")
    with pytest.raises(CommandError, match="Not everything"):
        call_command("reseal", "peppers")
    assert RINGS["peppers"].under(old) == {"marks": 1}


def test_a_web_process_moves_what_it_can_open_and_says_who_moves_the_rest(house):
    house.be("web")
    told = reseal()
    assert "credentials: not at hand. This process is a web" in told
    assert "LATCHKEY_CREDENTIAL_PRIVATE_KEYS" in told
    assert "Run `manage.py reseal credentials` with LATCHKEY_ROLE=worker" in told
    assert "issuer: 0 under older keys" in told
    assert "web: 0 under older keys" in told


def test_a_ring_that_was_asked_for_and_is_not_at_hand_is_an_error(house):
    house.be("web")
    with pytest.raises(
        CommandError, match="Not everything rests under the newest key: credentials"
    ):
        reseal("credentials")
    house.be("worker")
    with pytest.raises(CommandError, match=r"issuer, web"):
        reseal("issuer", "web", "credentials")
    with pytest.raises(CommandError, match="There is no ring audit"):
        reseal("audit")


def test_stopped_in_the_middle_it_goes_on_where_it_was(house, monkeypatch):
    monkeypatch.setattr(resting, "BATCH", 1)
    old, _ = house.add("credentials")
    house.be("worker")
    lot = RINGS["credentials"].lots[0]
    steps = lot.move()
    assert next(steps).count == 1
    del steps
    assert lot.under()[old] == len(secrets()) - 1
    moved = {row.pk: bytes(row.sealed) for row in secrets() if bytes(row.sealed)[2:10].hex() != old}
    reseal("credentials")
    assert lot.under()[old] == 0
    kept = {row.pk: bytes(row.sealed) for row in secrets() if row.pk in moved}
    assert kept == moved, "what was done is not done again"


def test_what_somebody_ends_meanwhile_stays_ended(house, monkeypatch):
    """Between the reading of a box and its writing: an erased secret must not come back."""
    house.add("credentials")
    house.be("worker")
    write = resting._write

    def late(model, columns, changes):
        Secret.objects.update(sealed=None)
        return write(model, columns, changes)

    monkeypatch.setattr(resting, "_write", late)
    reseal("credentials")
    assert not Secret.objects.exclude(sealed=None).exists()


def test_a_damaged_box_is_named_and_stops_nothing(house):
    old, _ = house.add("credentials")
    first = secrets()[0]
    bad = bytes(first.sealed)[:-1] + bytes([bytes(first.sealed)[-1] ^ 1])
    Secret.objects.filter(pk=first.pk).update(sealed=bad)
    house.be("worker")
    with pytest.raises(CommandError, match="credentials"):
        reseal("credentials")
    assert RINGS["credentials"].under(old) == {"secrets": 1}
    with pytest.raises(CommandError, match=f"1 secrets still rest under {old}"):
        keyring("retire", "credentials", old)


class TestRetire:
    def test_while_anything_rests_under_a_key_it_stays(self, house):
        old, _ = house.add("web")
        with pytest.raises(CommandError, match=r"manage\.py reseal web"):
            keyring("retire", "web", old)
        assert old in keyring("list")

    def test_the_newest_key_stays(self, house):
        _, new = house.add("issuer")
        with pytest.raises(CommandError, match="newest"):
            keyring("retire", "issuer", new)

    def test_an_unknown_key_is_said_to_be_unknown(self, house):
        with pytest.raises(CommandError, match="has no key feedfeedfeedfeed"):
            keyring("retire", "issuer", "feedfeedfeedfeed")

    def test_both_halves_go(self, house):
        old, _ = house.add("credentials")
        house.be("worker")
        box = bytes(secrets()[0].sealed), secrets()[0].context
        reseal("credentials")
        assert f"retired {old}" in keyring("retire", "credentials", old)
        assert all(old not in path.read_text() for path in house.folder.iterdir())
        ring = PrivateKeyring.parse((house.folder / "credential-private.json").read_text())
        with pytest.raises(CannotOpen, match="does not hold"):
            ring.open(*box)
