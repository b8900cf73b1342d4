"""People plug in a provider's credential: what is taken, refused, and never shown again."""

import json
import logging

import pytest
from joserfc import jwk

from environments.models import AuditEvent
from keys.models import CredentialTest, Key, Secret
from tests.keys.pages.addresses import page, place
from tests.keys.pages.typed import SECRET, credential
from tests.log import lines

pytestmark = pytest.mark.django_db


def test_a_key_is_plugged_in_and_its_test_watched(sign_in, endpoint):
    answer = sign_in("engineer").post(place("plug_in"), credential(endpoint))
    test = CredentialTest.objects.get()
    key = Key.objects.get()
    assert answer["Location"] == page("test_run", key, test=test.pk)
    assert (key.outside_id, key.endpoint) == ("acme-at-redox", endpoint)
    assert lines("key.plugged-in") == 1


def test_a_lead_plugs_in_for_the_own_team_alone(sign_in, endpoint, acme):
    client = sign_in("lead")
    assert client.post(place("plug_in"), credential(endpoint)).status_code == 422
    assert client.post(place("plug_in"), credential(endpoint, team="payments")).status_code == 302
    assert Key.objects.get().team == acme.team


@pytest.mark.parametrize("who", ["viewer", "support", "teammate"])
def test_who_may_not_create_may_not_plug_in_or_enter(sign_in, endpoint, imported, who):
    client = sign_in(who)
    assert client.post(place("plug_in"), credential(endpoint, name="other")).status_code == 403
    assert client.post(page("enter", imported), {"entered": SECRET}).status_code == 403
    assert Secret.objects.count() == 1


def test_without_an_endpoint_the_page_says_what_comes_first(sign_in):
    assert "Add a token endpoint" in sign_in("engineer").get(place("plug_in")).content.decode()
    text = sign_in("lead").get(place("plug_in")).content.decode()
    assert "An engineer of this environment adds" in text


def test_what_was_entered_is_never_written_back_and_never_logged(sign_in, endpoint, caplog):
    caplog.set_level(logging.DEBUG)
    client = sign_in("engineer")
    answers = [
        client.post(place("plug_in"), credential(endpoint, name="")),
        client.post(place("plug_in"), credential(endpoint, entered=SECRET + "\nplanted")),
        client.post(place("plug_in"), credential(endpoint)),
        client.post(place("plug_in"), credential(endpoint)),
    ]
    assert [each.status_code for each in answers] == [422, 422, 302, 422]
    for answer in answers:
        assert "planted" not in answer.content.decode() + str(answer.headers)
    assert answers[0]["Cache-Control"] == "no-store, private"
    assert "planted" not in caplog.text
    assert "planted" not in repr(dict(client.session))
    assert all("planted" not in repr(row) for row in AuditEvent.objects.values())


def test_the_field_is_no_password_that_browsers_offer_to_keep(sign_in, endpoint):
    text = sign_in("engineer").get(place("plug_in")).content.decode()
    assert 'type="password"' not in text
    start = text.index('<textarea name="entered"')
    assert 'autocomplete="off"' in text[start : text.index(">", start)]


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ("hello", "neither a JWK nor a PEM"),
        (jwk.ECKey.generate_key("P-256").as_pem(private=True).decode(), "ES384 signs with"),
        (jwk.ECKey.generate_key("P-384").as_pem(private=False).decode(), "public key"),
        (json.dumps(jwk.ECKey.generate_key("P-384").as_dict(private=False)), "public key"),
    ],
    ids=["no key", "another curve", "public PEM", "public JWK"],
)
def test_what_is_no_private_key_for_the_endpoint_is_named_at_the_field(
    sign_in, signed, entered, said
):
    answer = sign_in("engineer").post(place("plug_in"), credential(signed, entered=entered))
    assert answer.status_code == 422
    text = answer.content.decode()
    assert said in text
    assert entered.split()[0][:60] not in text.replace("-----BEGIN", "") or entered == "hello"
    assert not Key.objects.exists()


def test_a_private_key_is_plugged_in_with_its_kid(sign_in, signed):
    pair = jwk.ECKey.generate_key("P-384")
    text = pair.as_pem(private=True).decode()
    answer = sign_in("engineer").post(place("plug_in"), credential(signed, entered=text, kid="k 1"))
    assert answer.status_code == 302
    assert Secret.objects.get().kid == "k 1"
