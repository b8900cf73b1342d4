"""Keys are made and deleted by a permit, exactly as they were approved."""

import pytest
from django.utils.crypto import get_random_string

from environments.models import Permit
from keys.models import Key
from tests.approving import (
    again,
    approved_by,
    ask,
    asks_for,
    engineer,
    the_request,
)
from tests.keys.pages.addresses import page, place
from tests.pages import forms, text_of

pytestmark = pytest.mark.django_db


def new_key(**more) -> dict[str, str]:
    return {
        "once": get_random_string(32), "name": "billing-api", "team": "none", "used_by": "Billing", "kept_in": "Vault",
        "note": "", "proof": "secret", "expiry": "90", "ends_at": "", "scopes": "api:production", **more,
    }  # fmt: skip


def test_a_production_key_is_made_through_two_person_approval(acme, sign_in):
    engineer(acme, "chen")
    asks_for(acme, create=1)
    client = sign_in("engineer")
    confirm = client.post(place("create", "production"), new_key())["Location"]
    shown = client.get(confirm)
    assert "Ask for approval" in text_of(shown)
    (form,) = [
        each for each in forms(shown.content) if each.action == place("create", "production")
    ]
    ask(client, client.post(form.action, dict(form.values)))
    assert not Key.objects.exists()
    permit = approved_by(acme, "chen")
    opened = client.get(f"/o/acme/approvals/{permit.public_id}/")
    assert "You may do it now, once" in text_of(opened)
    draft = client.get(permit.page)
    (form,) = [each for each in forms(draft.content) if "once" in each.names]
    confirm = client.post(permit.page.partition("?")[0], dict(form.values))["Location"]
    made = again(client, the_request_with_page(permit, confirm))
    assert "/secret/" in made["Location"]
    assert Key.objects.get().name == "billing-api"
    assert the_request().spent_at


def the_request_with_page(permit: Permit, page: str) -> Permit:
    permit.page = page
    return permit


def test_a_key_that_signs_is_made_as_it_was_approved(acme, sign_in):
    engineer(acme, "chen")
    asks_for(acme, create=1)
    client = sign_in("engineer")
    body = new_key(proof="public_key")
    ask(client, client.post(place("create", "production"), body))
    permit = approved_by(acme, "chen")
    assert again(client, permit).status_code == 302
    assert Key.objects.get().name == "billing-api"


def test_an_engineer_deletes_a_production_key_with_one_approval_whatever_the_policy(
    acme, issue, sign_in
):
    engineer(acme, "chen")
    issue(name="other", environment="production")
    key = issue(environment="production").key
    client = sign_in("engineer")
    typed = {"typed": "billing-api"}
    ask(client, client.post(page("delete", key), typed))
    assert Key.objects.existing().count() == 2
    approved_by(acme, "chen")
    client.post(page("delete", key), typed)
    assert Key.objects.existing().get().name == "other"


def test_where_nobody_else_could_approve_the_page_says_so(acme, issue, sign_in):
    issue(name="other", environment="production")
    key = issue(environment="production").key
    answer = sign_in("engineer").post(page("delete", key), {"typed": "billing-api"})
    assert "Nobody else can approve this" in text_of(answer)
