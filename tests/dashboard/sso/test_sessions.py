"""What a session that came by the provider opens, and how an act is confirmed in it."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.urls import reverse
from django.utils import timezone

from environments.access import enter_organization
from environments.models import (
    Member,
    Organization,
    Session,
)
from environments.policy import OrganizationRole
from environments.services.invitations import Welcome, invite
from environments.services.roles import LastOwner, remove_member, set_organization_role
from tests.dashboard.sso.coming import KEYS, SETTINGS, come, is_in, linked, old, refused
from tests.pages import text_of

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]


def test_it_opens_its_own_organization_alone(acme, both):
    assert is_in(both, KEYS)
    for page in ("/o/elsewhere/", "/o/elsewhere/members/", "/o/elsewhere/e/development/"):
        assert both.get(page).status_code == 404
    assert both.get("/").headers["Location"] == "/o/acme/"
    assert "Elsewhere" not in text_of(both.get("/account/"))
    assert Session.objects.filter(user=acme["viewer"], organization=acme.organization).count() == 1


def test_it_changes_nothing_about_how_its_person_signs_in(both):
    pages = (
        *("account_change_password", "account_email", "mfa_index", "mfa_add_webauthn"),
        *("mfa_activate_totp", "sessions", "links", "environments:new_organization"),
    )
    for page in pages:
        for act in (both.get, both.post):
            answer = act(reverse(page))
            assert answer.status_code == 403, page
            assert "This takes your own password or passkey" in text_of(answer)


def test_it_quietens_no_other_organization(acme, both):
    page = reverse("notifications")
    assert both.get(page).status_code == both.post(page).status_code == 403
    Member.objects.filter(user=acme["viewer"]).exclude(organization=acme.organization).delete()
    assert both.get(page).status_code == 200


def test_it_accepts_no_invitation_into_another_organization(acme, both):
    elsewhere = Organization.objects.get(slug="elsewhere")
    Member.objects.filter(organization=elsewhere, user=acme["viewer"]).delete()
    stranger = acme["stranger"]
    scope = enter_organization(stranger, "elsewhere")
    assert scope
    _, token = invite(scope, email="viewer@acme.test", welcome=Welcome(OrganizationRole.MEMBER))
    assert both.post(f"/join/{token}/").status_code == 403
    assert not Member.objects.filter(organization=elsewhere, user=acme["viewer"]).exists()


def test_a_sign_in_of_one_s_own_opens_both_again(both, acme):
    both.post("/accounts/logout/")
    form = {"login": "viewer@acme.test", "password": "correct horse battery"}
    both.post("/accounts/login/", form)
    assert is_in(both, "/o/elsewhere/")
    assert is_in(both, KEYS)


def test_confirming_by_the_password_opens_no_other_door(both):
    both.post("/accounts/reauthenticate/", {"password": "correct horse battery"})
    assert both.get("/o/elsewhere/").status_code == 404


def test_an_owner_who_came_by_it_does_not_change_it(acme, acme_okta, idp):
    linked(acme, idp, name="owner")
    client, _ = come(idp)
    assert client.get(SETTINGS).status_code == 403
    assert client.post(f"{SETTINGS}remove/").status_code == 403
    assert client.get("/o/acme/settings/sign-on/").status_code == 403
    assert is_in(client, "/o/acme/settings/")


def test_an_owner_who_comes_by_it_alone_is_not_the_last_one(acme, acme_okta):
    """The provider is away: somebody must be able to come in and mend it."""
    admin = acme["admin"]
    admin.set_unusable_password()
    admin.save()
    Member.objects.filter(user=admin).update(role=OrganizationRole.OWNER)
    scope, owner = acme.org("owner"), acme.member("owner")
    for leave in (
        lambda: set_organization_role(scope, owner.pk, OrganizationRole.MEMBER),
        lambda: remove_member(scope, owner.pk),
    ):
        with pytest.raises(LastOwner):
            leave()
    Authenticator.objects.create(user=admin, type="webauthn", data={"name": "Key"})
    set_organization_role(scope, owner.pk, OrganizationRole.MEMBER)
    assert acme.member("owner").role == "member"


def test_a_gate_for_own_sign_ins_is_not_in_its_way(acme, acme_okta, idp):
    Organization.objects.filter(slug="acme").update(second_factor_from=timezone.now())
    linked(acme, idp)
    client, _ = come(idp)
    assert is_in(client, KEYS)


def test_a_factor_that_the_person_has_here_is_asked_for(acme, acme_okta, idp):
    TOTP.activate(acme["viewer"], "JBSWY3DPEHPK3PXP")
    linked(acme, idp)
    client, answer = come(idp)
    assert answer.headers["Location"] == reverse("mfa_authenticate")
    assert not is_in(client)


def test_an_act_is_confirmed_at_the_provider_and_leads_back(acme, acme_okta, idp):
    linked(acme, idp, name="admin")
    client = old(come(idp)[0])
    asking = client.get("/o/acme/members/invite/").headers["Location"]
    assert asking.startswith("/accounts/sso/acme/")
    page = text_of(client.get(asking))
    assert "to make a link into Acme" in page
    start = asking.replace("/acme/?", "/acme/start/?")
    leaving = client.get(start).headers["Location"]
    assert "prompt=login" in leaving
    answer = client.get(idp.sign_in(leaving))
    assert answer.headers["Location"] == "/o/acme/members/invite/"
    assert client.get("/o/acme/members/invite/").status_code == 200


@pytest.mark.parametrize("claims", [{"auth_time": None}, {"auth_time": 1_000}, {"sub": "00u2"}])
def test_whom_the_provider_has_not_asked_anew_has_confirmed_nothing(acme, acme_okta, idp, claims):
    linked(acme, idp, name="admin")
    linked(acme, idp, name="viewer", subject="00u2")
    client = old(come(idp)[0])
    idp.claims = claims
    _, answer = come(idp, client)
    refused(answer)
    assert client.get("/o/acme/members/invite/").status_code == 302
