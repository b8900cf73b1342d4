"""The pages of public keys."""

import json
import re

import pytest
from django.utils import timezone

from environments.models import AuditEvent
from keys.models import Key, PublicKey
from keys.public_keys import read_public_keys
from keys.services import public_keys as verbs
from keys.services.issuing import NewKey
from tests.cast import LONG_AGO
from tests.keys.pages.addresses import page, place
from tests.keys.pairs import ED, P256, private, public

TYPED = {"kid": "", "algorithm": "", "expiry": "none", "origin": "pasted"}


@pytest.fixture
def signed(acme) -> Key:
    return verbs.create_key(acme.enter("engineer"), NewKey("signer", acme.team))


@pytest.fixture
def held(acme, signed) -> PublicKey:
    found = read_public_keys(json.dumps(public(P256)), now=timezone.now())
    (made,) = verbs.add_public_keys(acme.enter("engineer"), signed.client_id, found)
    return made


def tab(client, key) -> str:
    return client.get(page("detail", key) + "?tab=public-keys").content.decode()


def test_an_engineer_pastes_a_public_key_and_sees_it_on_the_tab(sign_in, signed):
    client = sign_in("engineer")
    assert "This key cannot be used yet: no public key." in tab(client, signed)
    text = json.dumps(public(P256, kid="main"))
    answer = client.post(page("add_public_key", signed), TYPED | {"entered": text})
    assert answer["Location"].endswith("?tab=public-keys")
    shown = tab(client, signed)
    assert "main" in shown
    assert P256.thumbprint() in shown
    assert "P-256" in shown
    assert "cannot be used yet" not in shown


def test_a_private_key_comes_back_in_no_page_and_rests_nowhere(sign_in, signed, caplog):
    hidden = private(ED)
    body = TYPED | {"entered": json.dumps(hidden)}
    answer = sign_in("engineer").post(page("add_public_key", signed), body)
    assert answer.status_code == 422
    assert "This is a private key. It was not stored." in answer.content.decode()
    for part in (hidden["d"], hidden["x"]):
        assert part not in answer.content.decode()
        assert part not in caplog.text
    assert not PublicKey.objects.exists()
    assert not AuditEvent.objects.filter(event="public-key.added").exists()


def test_what_is_wrong_stands_at_the_field_with_the_text_kept(sign_in, signed):
    text = json.dumps(public(P256, use="enc"))
    answer = sign_in("engineer").post(page("add_public_key", signed), TYPED | {"entered": text})
    said = answer.content.decode()
    assert answer.status_code == 422
    assert "not for signatures" in said
    assert str(public(P256)["x"]) in said


def test_the_same_public_key_twice_is_named(sign_in, signed, held):
    body = TYPED | {"entered": json.dumps(public(P256)), "kid": "other"}
    answer = sign_in("engineer").post(page("add_public_key", signed), body)
    assert "has this public key already" in answer.content.decode()


@pytest.mark.parametrize("act", ["add_public_key", "remove_public_key"])
def test_support_is_refused_and_a_stranger_finds_nothing(sign_in, signed, held, act):
    more = {"public_key": held.public_id} if act == "remove_public_key" else {}
    address = page(act, signed, **more)
    assert sign_in("support").get(address).status_code == 403
    assert sign_in("support").post(address).status_code == 403
    assert AuditEvent.objects.filter(event="access.denied").exists()
    assert sign_in("stranger").get(address).status_code == 404


@pytest.mark.parametrize("act", ["add_public_key", "remove_public_key"])
def test_an_old_sign_in_is_asked_for_again(sign_in, signed, held, act):
    more = {"public_key": held.public_id} if act == "remove_public_key" else {}
    client = sign_in("engineer", ago=LONG_AGO)
    assert "/reauthenticate/" in client.get(page(act, signed, **more))["Location"]


def test_the_last_one_is_removed_after_a_word_of_warning(sign_in, signed, held):
    client = sign_in("lead")
    address = page("remove_public_key", signed, public_key=held.public_id)
    assert "The key will stop working" in client.get(address).content.decode()
    assert client.post(address).status_code == 302
    shown = tab(client, signed)
    assert "Removed" in shown
    assert "cannot be used yet" in shown


def test_no_test_is_offered_for_a_key_that_only_signs_and_the_page_says_why(sign_in, signed, held):
    shown = sign_in("engineer").get(page("detail", signed)).content.decode()
    assert "Test now" not in shown
    assert "not tested here" in shown
    assert "Not used yet" in shown
    asked = sign_in("support").post(page("test", signed), follow=True).content.decode()
    assert "no secret to test" in asked


def test_lists_and_files_call_it_neither_failing_nor_untested(sign_in, signed, held):
    client = sign_in("engineer")
    shown = client.get("/o/acme/e/development/").content.decode()
    assert "Not used yet" in shown
    assert "No secret" not in shown
    assert "Public key</td>" in shown
    assert "20 tests" not in shown
    assert "signer" not in client.get("/o/acme/e/development/?health=untested").content.decode()
    assert "signer" in client.get("/o/acme/e/development/?health=signed").content.decode()
    assert "signer" in client.get(f"/o/acme/keys/?q={held.kid}").content.decode()
    file = b"".join(client.get("/o/acme/keys/csv/")).decode()
    assert "Not used yet" in file


def test_an_outside_endpoint_takes_no_public_key(sign_in, imported):
    client = sign_in("engineer")
    assert client.get(page("add_public_key", imported)).status_code == 404
    assert "Public keys" not in client.get(page("detail", imported)).content.decode()


def test_a_key_with_the_method_public_key_makes_no_secret_and_leads_to_its_tab(sign_in, acme):
    said = {"name": "ledger", "team": "none", "used_by": "it", "scopes": ["api:production"]}
    said |= {"once": "o" * 32, "proof": "public_key", "expiry": "none"}
    acme.organization.environments.update(expiry_required=True)
    client = sign_in("engineer")
    answer = client.post(place("create", env="production"), said)
    key = Key.objects.get(name="ledger")
    assert answer["Location"] == page("detail", key) + "?tab=public-keys"
    assert not key.secrets.exists()
    shown = client.get(answer["Location"]).content.decode()
    assert "This key cannot be used yet: no public key." in shown
    assert ">Secrets<" not in shown
    again = client.post(place("create", env="production"), said)
    assert again["Location"] == answer["Location"]
    other = client.post(place("create", env="production"), said | {"once": "p" * 32})
    assert "has this name" in other.content.decode()
    assert Key.objects.filter(name="ledger").count() == 1


def test_the_form_offers_both_methods(sign_in, acme):
    shown = sign_in("engineer").get(place("create")).content.decode()
    assert "Public key (recommended)" in shown
    assert re.search(r'value="public_key"[^>]*checked', shown)
    assert 'value="secret"' in shown
    assert sign_in("support").get(place("create")).status_code == 403


def test_an_outside_endpoint_takes_no_address(sign_in, imported):
    client = sign_in("engineer")
    for name in ("change_key_set", "remove_key_set", "key_set"):
        assert client.get(page(name, imported)).status_code == 404


def test_who_may_edit_gives_a_public_key_another_end(sign_in, signed, held):
    address = page("public_key_expiry", signed, public_key=held.public_id)
    assert sign_in("support").post(address, {"expiry": "30"}).status_code == 403
    assert sign_in("stranger").get(address).status_code == 404
    client = sign_in("lead")
    assert address in tab(client, signed)
    assert held.kid in client.get(address).content.decode()
    assert client.post(address, {"expiry": "30"})["Location"].endswith("?tab=public-keys")
    held.refresh_from_db()
    assert held.expires_at is not None
    assert (
        client.post(address, {"expiry": "custom", "ends_at": "1999-01-01T00:00"}).status_code == 422
    )
    PublicKey.objects.update(revoked_at=timezone.now())
    assert "stays ended" in client.post(address, {"expiry": "30"}).content.decode()


def test_a_key_that_signs_has_no_secret_to_rotate_and_the_page_says_so(sign_in, signed, held):
    client = sign_in("engineer")
    said = client.get(page("rotate", signed)).content.decode()
    assert "has no secret to rotate" in said
    assert "Make the new secret" not in said
    answer = client.post(page("rotate", signed), {"grace": "24", "once": "o" * 32})
    assert answer.status_code == 409
    assert not signed.secrets.exists()


def test_search_finds_a_key_by_a_part_of_its_kid(sign_in, signed, held):
    client = sign_in("viewer")
    assert "signer" in client.get(f"/o/acme/search/?q={held.kid[4:20]}").content.decode()
    PublicKey.objects.update(revoked_at=timezone.now())
    assert "signer" not in client.get(f"/o/acme/search/?q={held.kid[4:20]}").content.decode()
