"""The doors for clients of Redox: an owner allows them for an environment, an engineer opens a key's own."""

import pytest
from django.core.exceptions import PermissionDenied

from environments.events import Event
from environments.models import AuditEvent
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
