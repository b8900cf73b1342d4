"""People at the pages of endpoints and imported keys: who adds, changes, ends, plugs in, enters; who is refused."""

import json
import logging
import shlex

import pytest
from django.urls import reverse
from django.utils import timezone
from joserfc import jwk

from environments.models import AuditEvent
from keys.crypto import SecretText
from keys.models import CredentialTest, Key, Rotation, Secret, TokenEndpoint
from keys.services import endpoints, importing, rotating
from keys.services.endpoints import NewEndpoint
from keys.services.importing import Entered, NewImport
from keys.snippets import snippets
from keys.upkeep import rotations
from tests.keys.test_pages_keys import LONG_AGO, page

pytestmark = pytest.mark.django_db
SECRET = "planted-secret-of-the-provider-1234"
URL = "https://id.redox.test/oauth/token"


def at(name: str, org: str = "acme", env: str = "development", **more) -> str:
    return reverse(f"keys:{name}", kwargs={"org": org, "env": env, **more})


def lines(event: str) -> int:
    return AuditEvent.objects.filter(event=event, denied=False).count()


def form(**more) -> dict[str, str]:
    return {"name": "Redox", "url": URL, "method": "client_secret_basic", **more}


@pytest.fixture
def endpoint(acme) -> TokenEndpoint:
    return endpoints.add_endpoint(acme.enter("engineer"), NewEndpoint(**form()))


@pytest.fixture
def signed(acme) -> TokenEndpoint:
    new = NewEndpoint("Signed", URL, "private_key_jwt", "ES384")
    return endpoints.add_endpoint(acme.enter("engineer"), new)


@pytest.fixture
def imported(acme, endpoint) -> Key:
    new = NewImport("partner", endpoint.public_id, "acme-at-redox")
    return importing.plug_in(acme.enter("engineer"), new, Entered(SecretText(SECRET))).key


def credential(endpoint: TokenEndpoint, **more) -> dict[str, str]:
    return {
        "endpoint": endpoint.public_id, "outside_id": "acme-at-redox", "entered": SECRET, "kid": "", "name": "partner",
        "team": "none", "used_by": "", "kept_in": "", "note": "", "expiry": "none", "ends_at": "", **more,
    }  # fmt: skip


def test_an_engineer_adds_an_endpoint_and_all_who_view_see_it_after_the_built_in_one(sign_in):
    answer = sign_in("engineer").post(at("add_endpoint"), form(scope="system/Patient.read"))
    assert answer["Location"] == at("endpoints")
    assert lines("endpoint.added") == 1
    for who in ("engineer", "viewer", "lead"):
        text = sign_in(who).get(at("endpoints")).content.decode()
        assert text.index("Built in") < text.index("Of providers") < text.index("id.redox.test")
        assert ("Add an endpoint" in text) is (who == "engineer")


@pytest.mark.parametrize("who", ["viewer", "support", "lead", "teammate"])
def test_nobody_else_may_and_the_attempt_is_in_the_log(sign_in, endpoint, who):
    client = sign_in(who)
    for address in (
        at("add_endpoint"),
        at("change_endpoint", endpoint=endpoint.public_id),
        at("end_endpoint", endpoint=endpoint.public_id),
    ):
        assert client.get(address).status_code == 403
        assert client.post(address, form(name="Other")).status_code == 403
    assert TokenEndpoint.objects.get() == endpoint
    assert AuditEvent.objects.filter(denied=True).count() == 6


def test_a_stranger_finds_no_page_and_no_endpoint(sign_in, endpoint, imported):
    client = sign_in("stranger")
    for name in ("endpoints", "add_endpoint", "plug_in"):
        assert client.get(at(name)).status_code == 404
    for name in ("change_endpoint", "end_endpoint"):
        assert client.post(at(name, endpoint=endpoint.public_id), form()).status_code == 404
    assert client.post(page("enter", imported), {"entered": SECRET}).status_code == 404
    own = at("change_endpoint", "elsewhere", endpoint=endpoint.public_id)
    assert client.post(own, form(name="Mine")).status_code == 404
    answer = client.post(at("plug_in", "elsewhere"), credential(endpoint))
    assert answer.status_code == 422, "another organization's endpoint is no choice"
    assert not Key.objects.filter(environment__organization__slug="elsewhere").exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"url": "http://id.redox.test/token"}, "A secret is sent over https only."),
        ({"url": "https://169.254.169.254/"}, "not a public address"),
        ({"url": "https://2130706433/"}, "unusual spelling"),
        ({"url": "https://user:pw@id.redox.test/"}, "name or password"),
        ({"url": "https://id.redox.test/#a"}, "after #"),
        ({"url": "https://id.redox.test:22/"}, "Port 22"),
        ({"method": "private_key_jwt"}, "Choose the algorithm"),
        ({"method": "private_key_jwt", "algorithm": "HS256"}, "HS256"),
        ({"algorithm": "RS384"}, "Leave it empty"),
        ({"audience": "https://id.redox.test"}, "Leave it empty"),
        ({"method": "redox_legacy", "scope": "a"}, "knows no scopes"),
        ({"scope": "a  b"}, "one space"),
        ({"scope": 'a"b'}, "one space"),
        ({"name": "a\u202eb"}, "letters, digits"),
        ({"method": "none"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_an_endpoint_is_answered_at_its_field(sign_in, typed, said):
    answer = sign_in("engineer").post(at("add_endpoint"), form(**typed))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not TokenEndpoint.objects.exists()


def test_a_changed_address_asks_for_the_secret_again(sign_in, endpoint, imported):
    client = sign_in("engineer")
    change = at("change_endpoint", endpoint=endpoint.public_id)
    assert "Keys are plugged in here" in client.get(change).content.decode()
    client.post(change, form(url="https://id.redox.test/v2/token"))
    assert lines("endpoint.replaced") == 1
    text = client.get(page("detail", imported)).content.decode()
    assert "Redox was changed" in text
    assert URL in text, "where it is tested until then"
    assert "As they were" in client.get(at("endpoints")).content.decode()
    entering = client.get(page("enter", imported)).content.decode()
    assert "again" in entering
    assert "https://id.redox.test/v2/token" in entering
    assert client.get(change).status_code == 404, "the former row is not changed any more"


def test_an_endpoint_in_use_is_not_ended_and_an_unused_one_is(sign_in, endpoint, imported):
    client = sign_in("engineer")
    end = at("end_endpoint", endpoint=endpoint.public_id)
    answer = client.post(end)
    assert (answer.status_code, TokenEndpoint.objects.get().ended_at) == (409, None)
    assert "Keys are plugged in here" in answer.content.decode()
    Key.objects.update(deleted_at=timezone.now())
    assert client.post(end)["Location"] == at("endpoints")
    assert lines("endpoint.ended") == 1


def test_a_name_twice_is_refused(sign_in, endpoint):
    answer = sign_in("engineer").post(at("add_endpoint"), form())
    assert "has this name" in answer.content.decode()


def test_a_key_is_plugged_in_and_its_test_watched(sign_in, endpoint):
    answer = sign_in("engineer").post(at("plug_in"), credential(endpoint))
    test = CredentialTest.objects.get()
    key = Key.objects.get()
    assert answer["Location"] == page("test_run", key, test=test.pk)
    assert (key.outside_id, key.endpoint) == ("acme-at-redox", endpoint)
    assert lines("key.plugged-in") == 1


def test_a_lead_plugs_in_for_the_own_team_alone(sign_in, endpoint, acme):
    client = sign_in("lead")
    assert client.post(at("plug_in"), credential(endpoint)).status_code == 422
    assert client.post(at("plug_in"), credential(endpoint, team="payments")).status_code == 302
    assert Key.objects.get().team == acme.team


@pytest.mark.parametrize("who", ["viewer", "support", "teammate"])
def test_who_may_not_create_may_not_plug_in_or_enter(sign_in, endpoint, imported, who):
    client = sign_in(who)
    assert client.post(at("plug_in"), credential(endpoint, name="other")).status_code == 403
    assert client.post(page("enter", imported), {"entered": SECRET}).status_code == 403
    assert Secret.objects.count() == 1


def test_without_an_endpoint_the_page_says_what_comes_first(sign_in):
    assert "Add a token endpoint" in sign_in("engineer").get(at("plug_in")).content.decode()
    text = sign_in("lead").get(at("plug_in")).content.decode()
    assert "An engineer of this environment adds" in text


def test_what_was_entered_is_never_written_back_and_never_logged(sign_in, endpoint, caplog):
    caplog.set_level(logging.DEBUG)
    client = sign_in("engineer")
    answers = [
        client.post(at("plug_in"), credential(endpoint, name="")),
        client.post(at("plug_in"), credential(endpoint, entered=SECRET + "\nplanted")),
        client.post(at("plug_in"), credential(endpoint)),
        client.post(at("plug_in"), credential(endpoint)),
    ]
    assert [each.status_code for each in answers] == [422, 422, 302, 422]
    for answer in answers:
        assert "planted" not in answer.content.decode() + str(answer.headers)
    assert answers[0]["Cache-Control"] == "no-store, private"
    assert "planted" not in caplog.text
    assert "planted" not in repr(dict(client.session))
    assert all("planted" not in repr(row) for row in AuditEvent.objects.values())


def test_the_field_is_no_password_that_browsers_offer_to_keep(sign_in, endpoint):
    text = sign_in("engineer").get(at("plug_in")).content.decode()
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
    answer = sign_in("engineer").post(at("plug_in"), credential(signed, entered=entered))
    assert answer.status_code == 422
    text = answer.content.decode()
    assert said in text
    assert entered.split()[0][:60] not in text.replace("-----BEGIN", "") or entered == "hello"
    assert not Key.objects.exists()


def test_a_private_key_is_plugged_in_with_its_kid(sign_in, signed):
    pair = jwk.ECKey.generate_key("P-384")
    text = pair.as_pem(private=True).decode()
    answer = sign_in("engineer").post(at("plug_in"), credential(signed, entered=text, kid="k 1"))
    assert answer.status_code == 302
    assert Secret.objects.get().kid == "k 1"


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
    rows = client.get(at("environment")).content.decode()
    assert "acme-at-redox" in rows
    assert "Redox" in rows


def test_it_is_found_by_the_client_id_that_the_provider_gave(sign_in, imported):
    client = sign_in("engineer")
    for address in (at("environment") + "?q=at-redox", "/o/acme/search/?q=at-redox"):
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
    there = at("plug_in", env="production")
    assert "reauthenticate" in client.get(there)["Location"]
    assert client.get(at("plug_in")).status_code == 200
    assert "reauthenticate" in client.post(at("add_endpoint", env="production"), form())["Location"]


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
