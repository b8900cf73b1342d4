"""Members link their account there; a one-time link makes one that is linked from the start."""

import pytest

from environments.models import (
    AuditEvent,
    Identity,
    User,
)
from environments.policy import OrganizationRole
from environments.services.invitations import Welcome, invite
from tests.browsers import Browser
from tests.dashboard.sso.coming import KEYS, come, is_in, linked, refused
from tests.pages import text_of

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]


def test_a_member_links_and_sees_first_with_whom(acme, acme_okta, idp, sign_in):
    client = sign_in("viewer")
    _, answer = come(idp, client, start="/account/sign-on/acme/link/")
    assert answer.headers["Location"] == "/account/sign-on/acme/confirm/"
    assert not Identity.objects.exists()
    page = text_of(client.get(answer.headers["Location"]))
    assert "vi@idp.test" in page
    assert "00u1" in page
    client.post(answer.headers["Location"])
    identity = Identity.objects.get()
    assert (identity.user, identity.subject) == (acme["viewer"], "00u1")
    line = AuditEvent.objects.get(event="member.identity-linked")
    assert (line.organization_id, line.actor) == (acme.organization.pk, "viewer@acme.test")
    assert "Linked as vi@idp.test" in text_of(client.get("/account/sign-on/"))
    newcomer, _ = come(idp)
    assert is_in(newcomer, KEYS)


def test_linking_asks_who_it_is_and_strangers_find_nothing(acme, acme_okta, sign_in):
    stale = sign_in("viewer", ago=3600).get("/account/sign-on/acme/link/")
    assert "reauthenticate" in stale.headers["Location"]
    assert sign_in("stranger").get("/account/sign-on/acme/link/").status_code == 404


def test_somebody_elses_account_there_is_not_taken(acme, acme_okta, idp, sign_in):
    linked(acme, idp, name="engineer")
    _, answer = come(idp, sign_in("viewer"), start="/account/sign-on/acme/link/")
    assert "Somebody else here is linked" in refused(answer)


def test_what_another_person_found_in_this_browser_is_not_linked(acme, acme_okta, idp, sign_in):
    client = sign_in("viewer")
    come(idp, client, start="/account/sign-on/acme/link/")
    found = client.session["single_sign_on_found"]
    other = sign_in("engineer")
    session = other.session
    session["single_sign_on_found"] = found
    session.save()
    other.post("/account/sign-on/acme/confirm/")
    assert not Identity.objects.exists()


def test_a_second_account_there_waits_until_the_first_is_unlinked(acme, acme_okta, idp, sign_in):
    linked(acme, idp)
    idp.person = {"sub": "00u9"}
    client = sign_in("viewer")
    come(idp, client, start="/account/sign-on/acme/link/")
    page = client.post("/account/sign-on/acme/confirm/", follow=True)
    assert "Unlink it first" in text_of(page)
    assert Identity.objects.get().subject == "00u1"


def test_unlinking_ends_the_sessions_that_came_by_it(acme, acme_okta, idp, sign_in):
    linked(acme, idp)
    by_provider, _ = come(idp)
    client = sign_in("viewer")
    client.post("/account/sign-on/acme/unlink/")
    assert not is_in(by_provider)
    assert is_in(client)
    assert AuditEvent.objects.filter(event="member.identity-unlinked").count() == 1
    _, answer = come(idp)
    assert "Nobody here is linked" in refused(answer)


@pytest.fixture
def token(acme):
    return invite(
        acme.org("owner"), email="new@acme.test", welcome=Welcome(OrganizationRole.MEMBER)
    )[1]


def test_a_one_time_link_makes_an_account_without_a_password_and_links_it(
    acme, acme_okta, idp, token
):
    idp.person = {"sub": "00u7", "email": "other@idp.test", "name": "Nia \u202eNew"}
    client = Browser()
    assert "Join with Acme Okta" in text_of(client.get(f"/join/{token}/"))
    _, answer = come(idp, client, start=f"/accounts/sso/acme/start/?invitation={token}")
    assert answer.headers["Location"] == "/o/acme/"
    user = User.objects.get(email="new@acme.test")
    assert (user.name, user.has_usable_password()) == ("Nia New", False)
    assert Identity.objects.get(user=user).subject == "00u7"
    assert is_in(client, "/o/acme/")
    again, answer = come(idp, start="/accounts/sso/acme/start/")
    assert is_in(again, "/o/acme/")


def test_a_link_for_an_account_that_exists_leads_to_its_own_sign_in(acme, acme_okta, idp):
    elsewhere = invite(
        acme.org("owner"), email="stranger@acme.test", welcome=Welcome(OrganizationRole.MEMBER)
    )
    _, answer = come(idp, start=f"/accounts/sso/acme/start/?invitation={elsewhere[1]}")
    assert "You have an account here." in refused(answer)
    assert not Identity.objects.exists()


def test_a_spent_or_foreign_link_joins_nobody(acme, acme_okta, idp, token, newcomer):
    assert newcomer.get("/accounts/sso/acme/start/?invitation=nothing").status_code == 400
    come(idp, start=f"/accounts/sso/acme/start/?invitation={token}")
    answer = newcomer.get(f"/accounts/sso/acme/start/?invitation={token}")
    assert "The one-time link has ended." in refused(answer)


def test_who_is_linked_already_does_not_join_twice(acme, acme_okta, idp, token):
    linked(acme, idp)
    _, answer = come(idp, start=f"/accounts/sso/acme/start/?invitation={token}")
    assert "is linked already" in refused(answer)
    assert not User.objects.filter(email="new@acme.test").exists()
