"""The doors for clients of Redox: an owner allows them for an environment, an engineer opens a key's own."""

import pytest
from django.core.exceptions import PermissionDenied

from environments.events import Event
from environments.models import AuditEvent
from environments.policy import Act
from keys.models import Key
from keys.services.issuing import AgainstPolicy
from keys.services.keeping import edit_key
from tests.pages import text_of

SETTINGS = "/o/acme/settings/development/"
POLICY = {
    "max_age_days": "",
    "grace_default_hours": "24",
    "grace_max_hours": "168",
    "test_interval_minutes": "15",
    "idle_days": "90",
    "signing_algorithm": "ES256",
    **{f"approvals_{act}": "0" for act in Act},
}
OPEN = {"redox_door": True, "legacy_door": True}


@pytest.fixture
def allowed(acme):
    place = acme.environment("development")
    place.redox_doors = True
    place.save()
    return place


def address(key, what=""):
    return f"/o/acme/e/development/keys/{key.client_id}/{what}"


def test_an_owner_allows_them_and_is_shown_whom_it_hits_when_they_are_shut_again(
    sign_in, issue, acme
):
    client = sign_in("owner")
    client.post(SETTINGS, POLICY | {"redox_doors": "on", "confirmed": "yes"})
    edit_key(acme.enter("engineer"), issue(name="old-client").key.client_id, **OPEN)
    assert "1 key uses a door for clients of Redox." in text_of(client.post(SETTINGS, POLICY))
    detail = AuditEvent.objects.get(event=Event.POLICY_CHANGED).detail
    assert detail["after"] == {"redox_doors": "yes"}


def test_an_engineer_opens_a_keys_doors_and_the_page_says_where_to_knock(sign_in, issue, allowed):
    key = issue().key
    client = sign_in("engineer")
    shown = text_of(client.get(address(key, "edit/")))
    assert "Open the Redox door" in shown
    assert (
        client.post(address(key, "edit/"), {"name": key.name, "legacy_door": "on"}).status_code
        == 302
    )
    shown = text_of(client.get(address(key)))
    assert "POST http://localhost:8000/auth/authenticate" in shown
    assert "/v2/auth/token" not in shown
    line = AuditEvent.objects.get(event=Event.KEY_EDITED)
    assert line.detail["after"] == {"legacy_door": True}


def test_where_the_policy_keeps_them_shut_nobody_opens_one(sign_in, issue, acme):
    key = issue().key
    assert "Open the" not in text_of(sign_in("engineer").get(address(key, "edit/")))
    with pytest.raises(AgainstPolicy):
        edit_key(acme.enter("engineer"), key.client_id, redox_door=True)
    sign_in("engineer").post(address(key, "edit/"), {"name": key.name, "redox_door": "on"})
    assert not Key.objects.get(pk=key.pk).redox_door


def test_a_door_left_open_under_a_stricter_policy_can_still_be_shut(sign_in, issue, allowed, acme):
    key = issue().key
    edit_key(acme.enter("engineer"), key.client_id, **OPEN)
    allowed.redox_doors = False
    allowed.save()
    client = sign_in("engineer")
    assert "Shut by the policy" in text_of(client.get(address(key)))
    client.post(address(key, "edit/"), {"name": key.name})
    key.refresh_from_db()
    assert (key.redox_door, key.legacy_door) == (False, False)


@pytest.mark.parametrize("name", ["support", "viewer"])
def test_who_may_not_edit_opens_nothing(acme, issue, allowed, name):
    with pytest.raises(PermissionDenied):
        edit_key(acme.enter(name), issue().key.client_id, **OPEN)


def test_an_engineer_says_from_where_and_how_often_a_key_is_used(sign_in, issue, acme):
    key = issue().key
    client = sign_in("engineer")
    typed = {
        "name": key.name,
        "allowed_networks": "203.0.113.0/24, 2001:DB8::/32",
        "tokens_a_minute": "30",
    }
    assert client.post(address(key, "edit/"), typed).status_code == 302
    key.refresh_from_db()
    assert key.allowed_networks == ["203.0.113.0/24", "2001:db8::/32"]
    shown = text_of(client.get(address(key)))
    assert "203.0.113.0/24, 2001:db8::/32" in shown
    assert "30 tokens a minute" in shown
    assert "203.0.113.0/24" in text_of(client.get(address(key, "edit/")))
    client.post(address(key, "edit/"), {"name": key.name})
    key.refresh_from_db()
    assert (key.allowed_networks, key.tokens_a_minute) == (None, None)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("203.0.113.7/24", "Did you mean 203.0.113.0/24?"),
        ("everywhere", "everywhere is no address range."),
        ("10.0.0.0/33", "is no address range."),
        (" ".join(f"10.0.{each}.0/24" for each in range(51)), "At most 50 ranges."),
    ],
)
def test_what_is_no_range_is_said_at_its_field(sign_in, issue, typed, said):
    key = issue().key
    answer = sign_in("engineer").post(
        address(key, "edit/"), {"name": key.name, "allowed_networks": typed}
    )
    assert answer.status_code == 422
    assert said in text_of(answer)
