"""People at the pages of endpoints: who adds, changes, ends; who is refused."""

import pytest
from django.utils import timezone

from environments.models import AuditEvent
from keys.models import Key, TokenEndpoint
from tests.keys.pages.addresses import page, place
from tests.keys.pages.typed import SECRET, URL, credential, new_endpoint
from tests.log import lines

pytestmark = pytest.mark.django_db


def test_an_engineer_adds_an_endpoint_and_all_who_view_see_it_after_the_built_in_one(sign_in):
    answer = sign_in("engineer").post(
        place("add_endpoint"), new_endpoint(scope="system/Patient.read")
    )
    assert answer["Location"] == place("endpoints")
    assert lines("endpoint.added") == 1
    for who in ("engineer", "viewer", "lead"):
        text = sign_in(who).get(place("endpoints")).content.decode()
        assert text.index("Built in") < text.index("Of providers") < text.index("id.redox.test")
        assert ("Add an endpoint" in text) is (who == "engineer")


@pytest.mark.parametrize("who", ["viewer", "support", "lead", "teammate"])
def test_nobody_else_may_and_the_attempt_is_in_the_log(sign_in, endpoint, who):
    client = sign_in(who)
    for address in (
        place("add_endpoint"),
        place("change_endpoint", endpoint=endpoint.public_id),
        place("end_endpoint", endpoint=endpoint.public_id),
    ):
        assert client.get(address).status_code == 403
        assert client.post(address, new_endpoint(name="Other")).status_code == 403
    assert TokenEndpoint.objects.get() == endpoint
    assert AuditEvent.objects.filter(denied=True).count() == 6


def test_a_stranger_finds_no_page_and_no_endpoint(sign_in, endpoint, imported):
    client = sign_in("stranger")
    for name in ("endpoints", "add_endpoint", "plug_in"):
        assert client.get(place(name)).status_code == 404
    for name in ("change_endpoint", "end_endpoint"):
        assert (
            client.post(place(name, endpoint=endpoint.public_id), new_endpoint()).status_code == 404
        )
    assert client.post(page("enter", imported), {"entered": SECRET}).status_code == 404
    own = place("change_endpoint", org="elsewhere", endpoint=endpoint.public_id)
    assert client.post(own, new_endpoint(name="Mine")).status_code == 404
    answer = client.post(place("plug_in", org="elsewhere"), credential(endpoint))
    assert answer.status_code == 422, "another organization's endpoint is no choice"
    assert not Key.objects.filter(environment__organization__slug="elsewhere").exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"url": "http://id.redox.test/token"}, "Only https is called"),
        ({"url": "https://169.254.169.254/"}, "not a public address"),
        ({"url": "https://2130706433/"}, "unusual spelling"),
        ({"url": "https://user:pw@id.redox.test/"}, "name or password"),
        ({"url": "https://id.redox.test/#a"}, "after #"),
        ({"url": "https://id.redox.test:22/"}, "Port 22"),
        ({"auth_method": "private_key_jwt"}, "Choose the algorithm"),
        ({"auth_method": "private_key_jwt", "algorithm": "HS256"}, "HS256"),
        ({"algorithm": "RS384"}, "Leave it empty"),
        ({"audience": "https://id.redox.test"}, "Leave it empty"),
        ({"auth_method": "redox_legacy", "scope": "a"}, "knows no scopes"),
        ({"scope": "a  b"}, "one space"),
        ({"scope": 'a"b'}, "one space"),
        ({"name": "a\u202eb"}, "letters, digits"),
        ({"auth_method": "none"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_an_endpoint_is_answered_at_its_field(sign_in, typed, said):
    answer = sign_in("engineer").post(place("add_endpoint"), new_endpoint(**typed))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not TokenEndpoint.objects.exists()


def test_a_changed_address_asks_for_the_secret_again(sign_in, endpoint, imported):
    client = sign_in("engineer")
    change = place("change_endpoint", endpoint=endpoint.public_id)
    assert "Keys are plugged in here" in client.get(change).content.decode()
    client.post(change, new_endpoint(url="https://id.redox.test/v2/token"))
    assert lines("endpoint.replaced") == 1
    text = client.get(page("detail", imported)).content.decode()
    assert "Redox was changed" in text
    assert URL in text, "where it is tested until then"
    assert "As they were" in client.get(place("endpoints")).content.decode()
    entering = client.get(page("enter", imported)).content.decode()
    assert "again" in entering
    assert "https://id.redox.test/v2/token" in entering
    assert client.get(change).status_code == 404, "the former row is not changed any more"


def test_an_endpoint_in_use_is_not_ended_and_an_unused_one_is(sign_in, endpoint, imported):
    client = sign_in("engineer")
    end = place("end_endpoint", endpoint=endpoint.public_id)
    answer = client.post(end)
    assert (answer.status_code, TokenEndpoint.objects.get().ended_at) == (409, None)
    assert "Keys are plugged in here" in answer.content.decode()
    Key.objects.update(deleted_at=timezone.now())
    assert client.post(end)["Location"] == place("endpoints")
    assert lines("endpoint.ended") == 1


def test_a_name_twice_is_refused(sign_in, endpoint):
    answer = sign_in("engineer").post(place("add_endpoint"), new_endpoint())
    assert "has this name" in answer.content.decode()
