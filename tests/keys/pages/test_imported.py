"""People at the pages of an imported key: it speaks of its provider, and its next secret is entered."""

import shlex

import pytest
from django.utils import timezone

from keys.crypto import SecretText
from keys.models import CredentialTest, Key, Rotation, Secret, TokenEndpoint
from keys.services import importing, rotating
from keys.services.importing import Entered
from keys.snippets import snippets
from keys.upkeep import rotations
from tests.cast import LONG_AGO
from tests.keys.pages.addresses import page, place
from tests.keys.pages.typed import URL, new_endpoint
from tests.log import lines

pytestmark = pytest.mark.django_db


def test_the_pages_of_an_imported_key_speak_of_its_provider(sign_in, imported):
    client = sign_in("engineer")
    overview = client.get(page("detail", imported)).content.decode()
    for word in ("acme-at-redox", URL, "Not measured", "Client secret, HTTP Basic", "Enter a new"):
        assert word in overview, word
    use = client.get(page("detail", imported) + "?tab=use").content.decode()
    assert URL in use
    assert "/t/" not in use.partition('id="main"')[2].partition("</main>")[0]
    assert imported.client_id not in use.partition('class="snippets"')[2].partition("</main>")[0]
    secrets = client.get(page("detail", imported) + "?tab=secrets").content.decode()
    assert "Not measured" in secrets
    assert "the provider still accepts it" in secrets
    rows = client.get(place("environment")).content.decode()
    assert "acme-at-redox" in rows
    assert "Redox" in rows


def test_it_is_found_by_the_client_id_that_the_provider_gave(sign_in, imported):
    client = sign_in("engineer")
    for address in (place("environment") + "?q=at-redox", "/o/acme/search/?q=at-redox"):
        assert "partner" in client.get(address).content.decode(), address


@pytest.mark.parametrize("name", ["disable", "revoke", "leak", "delete", "edit", "expiry"])
def test_each_act_on_an_imported_key_has_a_page(sign_in, imported, name):
    more = {"secret": imported.secrets.get().public_id} if name in {"revoke", "leak"} else {}
    text = sign_in("engineer").get(page(name, imported, **more)).content.decode()
    if name in {"disable", "revoke", "leak"}:
        assert "provider" in text


def test_a_new_secret_is_entered_and_its_rotation_watched(sign_in, imported):
    client = sign_in("engineer")
    assert client.get(page("rotate", imported))["Location"] == page("enter", imported)
    answer = client.post(page("enter", imported), {"entered": "planted-next", "why": "yearly"})
    rotation = Rotation.objects.get()
    assert answer["Location"] == page("rotation", imported, rotation=rotation.public_id)
    assert lines("secret.entered") == 1
    text = client.get(answer["Location"]).content.decode()
    assert "entered" in text
    assert "planted" not in text
    again = client.post(page("enter", imported), {"entered": "planted-third", "why": ""})
    assert again["Location"] == answer["Location"], "one rotation at a time"
    assert Secret.objects.count() == 2


def test_the_person_says_that_it_is_ended_there(sign_in, imported, acme):
    rotation = importing.enter_secret(
        acme.enter("engineer"), imported.client_id, Entered(SecretText("next"))
    )
    new = imported.secrets.get(rotated_in=rotation)
    CredentialTest.objects.create(
        key=imported, secret=new, rotation=rotation, reason="proof",
        outcome="works", finished_at=timezone.now(),
    )  # fmt: skip

    rotations.advance(rotation.pk, timezone.now())
    client = sign_in("engineer")
    text = client.get(page("rotation", imported, rotation=rotation.public_id)).content.decode()
    assert "Ended at the provider?" in text
    assert "I have ended the old secret there" in text
    assert "First end the old secret" in client.get(page("retire", imported)).content.decode()
    answer = client.post(page("retire", imported))
    assert answer.status_code == 302
    rotation.refresh_from_db()
    assert rotation.pressed_at
    assert lines("rotation.pressed") == 1
    with pytest.raises(rotating.TooLate):
        rotating.extend_rotation(acme.enter("engineer"), imported.client_id)


def test_entering_asks_for_a_fresh_sign_in_and_plugging_in_does_in_production(
    sign_in, imported, acme
):
    client = sign_in("engineer", ago=LONG_AGO)
    assert "reauthenticate" in client.get(page("enter", imported))["Location"]
    there = place("plug_in", env="production")
    assert "reauthenticate" in client.get(there)["Location"]
    assert client.get(place("plug_in")).status_code == 200
    assert (
        "reauthenticate"
        in client.post(place("add_endpoint", env="production"), new_endpoint())["Location"]
    )


def test_our_own_key_has_nothing_to_be_entered(sign_in, issue):
    assert sign_in("engineer").get(page("enter", issue().key)).status_code == 404


@pytest.mark.parametrize("method", TokenEndpoint.Method.values)
def test_the_snippets_of_each_method_are_well_formed(acme, method):
    """Whatever a person typed as client ID or scope stays a value in them."""

    signs = method == "private_key_jwt"
    endpoint = TokenEndpoint(
        name="x", url=URL, method=method, algorithm="ES384" if signs else "", scope="it's/a.scope"
    )
    endpoint.environment = acme.environment("development")
    endpoint.save()
    key = Key.objects.create(
        environment=endpoint.environment,
        name="x",
        endpoint=endpoint,
        outside_id='a\'; rm -rf "$HOME" #',
    )
    curl, python = snippets(key)
    assert URL in shlex.split(curl.text, comments=True)
    compile(python.text, "snippet", "exec")
