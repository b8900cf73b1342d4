"""An owner goes past a policy in daylight: by a second factor, with a reason, and another owner looks at it."""

import time

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.urls import reverse
from django.utils import timezone

from environments import inbox
from environments.access import Refused
from environments.approvals import NeedsApproval
from environments.events import Event
from environments.models import AuditEvent, Member, Notice, Organization, Permit
from environments.models.session import ONLY
from environments.policy import OrganizationRole
from environments.services import permits
from tests.approving import DAY, WHY, asks_for, ended, give, owner, the_request, wish
from tests.cast import LONG_AGO
from tests.pages import text_of

pytestmark = pytest.mark.django_db
SEED = "JBSWY3DPEHPK3PXP"


@pytest.fixture
def guarded(acme):
    """In production a role takes the word of an owner, and there are two owners."""
    owner(acme, "olga")
    asks_for(acme, roles=1)
    return acme


def broken(acme) -> Permit:
    permit = wish(acme, by="owner")
    return permits.break_glass(acme.org("owner"), permit.public_id, "Everybody is asleep")


def test_an_owner_breaks_the_glass_and_every_owner_hears_of_it(guarded):
    broken(guarded)
    assert give(guarded, by="owner")
    assert AuditEvent.objects.get(event=Event.ENVIRONMENT_ROLE_CHANGED).detail["broken_glass"]
    told = Notice.objects.filter(title__contains="broke the glass").values_list("user", flat=True)
    assert set(told) == {guarded["owner"].pk, guarded["olga"].pk}
    assert (
        AuditEvent.objects.get(event=Event.GLASS_BROKEN).detail["reason"] == "Everybody is asleep"
    )


def test_broken_glass_stays_open_until_a_second_owner_closes_it(guarded, sign_in):
    permit = broken(guarded)
    give(guarded, by="owner")
    ended(permit)
    assert inbox.to_decide(guarded.org("olga"), permit.asked_at) == [permit]
    with pytest.raises(Refused):
        permits.close_glass(guarded.org("owner"), permit.public_id, "Fine")
    sign_in("olga").post(f"/o/acme/approvals/{permit.public_id}/close/", {"why": "It was right"})
    assert the_request().glass_closed_by == guarded["olga"]
    assert inbox.to_decide(guarded.org("olga"), permit.asked_at) == []


def test_an_admin_breaks_no_glass(guarded, sign_in):
    permit = wish(guarded)
    address = f"/o/acme/approvals/{permit.public_id}/break-glass/"
    assert sign_in("admin").post(address, WHY).status_code == 403


def test_breaking_the_glass_takes_a_fresh_sign_in_and_a_reason(guarded, sign_in):
    permit = wish(guarded, by="owner")
    address = f"/o/acme/approvals/{permit.public_id}/break-glass/"
    assert "/reauthenticate/" in sign_in("owner", ago=LONG_AGO).get(address)["Location"]
    assert sign_in("owner").post(address, {"why": ""}).status_code == 422
    assert sign_in("owner").post(address, WHY)["Location"] == permit.page


def test_an_owner_breaks_only_for_the_own_request(guarded):
    permit = wish(guarded)
    with pytest.raises(Refused):
        permits.break_glass(guarded.org("owner"), permit.public_id, "Quick")


@pytest.fixture
def address(guarded) -> str:
    """Where the owner would break the glass for the own request."""
    return f"/o/acme/approvals/{wish(guarded, by='owner').public_id}/break-glass/"


def code() -> str:
    return str(format_hotp_value(hotp_value(SEED, int(time.time()) // 30)))


def asks_everybody(acme) -> None:
    """From next week on; the gate is still open."""
    since = timezone.now() + 7 * DAY
    Organization.objects.filter(pk=acme.organization.pk).update(second_factor_from=since)


def test_who_has_a_second_factor_shows_it_be_the_password_ever_so_fresh(guarded, address, sign_in):
    TOTP.activate(guarded["owner"], SEED)
    client = sign_in("owner")
    for act in (client.get, client.post):
        assert act(address, WHY)["Location"].startswith(reverse("mfa_reauthenticate"))
    assert not the_request().glass_broken_at
    confirming = reverse("mfa_reauthenticate")
    page = text_of(client.get(confirming, {"next": address}))
    assert "to break the glass in Acme" in page
    assert "Use your password" not in page
    back = client.post(confirming, {"code": code(), "next": address})
    assert back["Location"] == address
    assert client.get(address).status_code == 200
    client.post(address, WHY)
    assert the_request().glass_broken_at
    assert AuditEvent.objects.filter(event=Event.GLASS_BROKEN).count() == 1


def test_a_factor_shown_an_hour_ago_is_asked_for_again(guarded, address, sign_in):
    TOTP.activate(guarded["owner"], SEED)
    client = sign_in("owner")
    session = client.session
    session["account_authentication_methods"].insert(0, {"method": "mfa", "at": time.time() - 3600})
    session.save()
    assert "/2fa/reauthenticate/" in client.get(address)["Location"]


def test_who_has_none_where_everybody_needs_one_sets_it_up_first(guarded, address, sign_in):
    asks_everybody(guarded)
    answer = sign_in("owner").post(address, WHY)
    assert answer.status_code == 403
    assert "Acme asks for a second factor" in text_of(answer)
    assert "to break the glass in Acme</strong>, and you have none. Nothing was done." in text_of(
        answer
    )
    assert reverse("mfa_activate_totp") in text_of(answer)
    assert not the_request().glass_broken_at
    assert AuditEvent.objects.filter(denied=True).count() == 1


def test_who_came_by_the_organizations_provider_is_its_own_affair(guarded, address, sign_in):
    asks_everybody(guarded)
    client = sign_in("owner")
    session = client.session
    session[ONLY] = guarded.organization.pk
    session.save()
    assert client.get(address).status_code == 200


def test_glass_that_was_closed_before_anything_was_done_opens_nothing(guarded):
    permit = broken(guarded)
    permits.close_glass(guarded.org("olga"), permit.public_id, "There was no need")
    with pytest.raises(NeedsApproval):
        give(guarded, by="owner")
    assert "nothing was done" in permits.state_of(the_request(), timezone.now())


def test_who_is_no_owner_any_more_has_broken_no_glass(guarded, sign_in):
    permit = broken(guarded)
    Member.objects.filter(pk=guarded.member("owner").pk).update(role=OrganizationRole.ADMIN)
    with pytest.raises(NeedsApproval):
        give(guarded, by="owner")
    page = sign_in("owner").get(f"/o/acme/approvals/{permit.public_id}/")
    assert not page.context["ready"]
