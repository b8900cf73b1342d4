"""Who decides a request sees how its key stands, or what its people hold, as far as they may see it anyway."""

from datetime import timedelta

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.utils import timezone

from environments.approvals import NeedsApproval
from environments.models import Permit
from environments.services import permits
from keys.models import Secret
from keys.services.keeping import delete_key
from tests.approving import asks_for, engineer, owner, wish
from tests.pages import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(acme, issue) -> Permit:
    """The engineer wants to delete billing-api of production."""
    engineer(acme, "chen")
    issue(name="another", environment="production")
    key = issue(environment="production").key
    with pytest.raises(NeedsApproval) as needs:
        delete_key(acme.enter("engineer", "production"), key.client_id)
    wish = permits.Wish(needs.value.change, "/o/acme/", "Nothing uses it")
    return permits.ask(acme.org("engineer"), wish)


def shown(client, permit: Permit) -> str:
    return text_of(client.get(f"/o/acme/approvals/{permit.public_id}/"))


def test_the_page_says_how_the_key_stands_and_when_each_secret_was_used(asked, sign_in):
    page = shown(sign_in("chen"), asked)
    assert "Evidence" in page
    assert f"Secret …{Secret.objects.latest('pk').hint}" in page
    assert "Never used" in page
    assert "Look twice" not in page


def test_a_key_in_use_is_not_deleted_unseen(asked, sign_in):
    Secret.objects.update(last_used_at=timezone.now() - timedelta(hours=3))
    page = shown(sign_in("chen"), asked)
    assert "A client has bought a token with it within the last day." in page


def test_an_owner_who_may_not_see_the_key_is_shown_nothing_of_it(asked, sign_in):
    page = shown(sign_in("owner"), asked)
    assert "Delete billing-api" in page
    assert Secret.objects.latest("pk").hint not in page
    assert "Evidence" not in page


def test_about_a_role_it_says_who_has_no_second_factor(acme, sign_in):
    owner(acme, "olga")
    asks_for(acme, roles=1)
    permit = wish(acme)
    assert "Without a second factor: Viewer." in shown(sign_in("olga"), permit)
    TOTP.activate(acme["viewer"], "JBSWY3DPEHPK3PXP")
    page = shown(sign_in("olga"), permit)
    assert "Has a second factor" in page
    assert "Look twice" not in page
