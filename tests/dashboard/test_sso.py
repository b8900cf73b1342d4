"""Single sign-on with a real provider: who signs in there is whom they were linked with, and comes into one organization."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from joserfc import jwk

from dashboard.flow import callback_address
from environments.access import enter_organization
from environments.audit import INSTALLATION
from environments.models import (
    AuditEvent,
    Identity,
    IdentityProvider,
    Member,
    Organization,
    Session,
    User,
)
from environments.policy import OrganizationRole
from environments.services.invitations import Welcome, invite
from environments.services.roles import LastOwner, remove_member, set_organization_role
from tests.conftest import Browser
from tests.oidc import CLIENT, OTHER_KEY, SECRET, providing, signed, unsigned
from tests.pages import text_of

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]
SETTINGS = "/o/acme/settings/sign-on/provider/"
KEYS = "/o/acme/e/development/"


@pytest.fixture
def idp(settings):
    cache.clear()
    with providing() as provider:
        settings.LATCHKEY_ALLOWED_URL_PREFIXES = [f"{provider.issuer}/"]
        yield provider


@pytest.fixture
def newcomer():
    """A browser in which nobody is signed in."""
    return Browser()


def typed(idp, **more):
    form = {"name": "Acme Okta", "issuer": idp.issuer, "client_id": CLIENT, "secret": SECRET}
    return form | more


@pytest.fixture
def acme_okta(acme, sign_in, idp):
    """Acme's owner has set the provider up, as owners do."""
    answer = sign_in("owner").post(SETTINGS, typed(idp))
    assert answer.status_code == 302, answer.context["form"].errors
    return IdentityProvider.objects.get()


def linked(acme, idp, name="viewer", subject="00u1", organization=None):
    return Identity.objects.create(
        organization=organization or acme.organization,
        user=acme[name],
        issuer=idp.issuer,
        subject=subject,
    )


def come(idp, client=None, start="/accounts/sso/acme/start/", **more):
    """To the provider and back; the answer of the callback."""
    client = client or Browser()
    leaving = client.get(start)
    assert leaving.status_code == 302, text_of(leaving)
    return client, client.get(idp.sign_in(leaving.headers["Location"], **more))


def is_in(client, page="/account/"):
    return client.get(page).status_code == 200


def refused(answer):
    assert answer.status_code == 400
    return text_of(answer)


# Signing in


def test_who_is_linked_signs_in_and_the_log_says_how(acme, acme_okta, idp):
    linked(acme, idp)
    client, answer = come(idp)
    assert answer.headers["Location"] == "/o/acme/"
    assert is_in(client, KEYS)
    line = AuditEvent.objects.get(event="sign-in.succeeded")
    assert (line.actor, line.detail) == ("viewer@acme.test", {"by": ["sso"]})
    assert Identity.objects.get().last_used_at


def test_what_is_asked_is_bound_to_this_browser_and_this_answer(acme_okta, idp, newcomer):
    address = newcomer.get("/accounts/sso/acme/start/").headers["Location"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["redirect_uri"] == callback_address("acme")
    assert (asked["code_challenge_method"], asked["scope"]) == ("S256", "openid profile email")
    again = newcomer.get("/accounts/sso/acme/start/").headers["Location"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name]) >= 43
        assert asked[name] not in again


@pytest.mark.parametrize("methods", [None, ["client_secret_basic"], ["client_secret_post"]])
def test_the_secret_is_sent_as_the_provider_takes_it(acme, acme_okta, idp, methods):
    linked(acme, idp)
    idp.discovery = {"token_endpoint_auth_methods_supported": methods} if methods else {}
    client, _ = come(idp)
    assert is_in(client, KEYS)
    assert ("client_secret" in idp.form) == (methods == ["client_secret_post"])


@pytest.mark.parametrize("email", ["viewer@acme.test", "owner@acme.test"])
def test_the_same_address_with_another_subject_is_a_stranger(acme, acme_okta, idp, email):
    linked(acme, idp)
    idp.person = {"sub": "00u2", "email": email, "email_verified": True}
    client, answer = come(idp)
    assert "Nobody here is linked" in refused(answer)
    assert not is_in(client)
    failed = AuditEvent.objects.filter(organization_id=INSTALLATION, event="sign-in.failed").get()
    assert failed.actor == ""


def test_another_address_with_the_linked_subject_is_the_same_person(acme, acme_okta, idp):
    linked(acme, idp)
    idp.person = {"sub": "00u1", "email": "married@new.test"}
    client, _ = come(idp)
    assert is_in(client, KEYS)


def test_a_subject_is_another_where_the_issuer_is(acme, acme_okta, idp):
    Identity.objects.create(
        organization=acme.organization,
        user=acme["viewer"],
        issuer="https://former.test",
        subject="00u1",
    )
    _, answer = come(idp)
    assert "Nobody here is linked" in refused(answer)


def test_a_link_of_one_organization_signs_in_to_no_other(acme, acme_okta, idp):
    elsewhere = Organization.objects.get(slug="elsewhere")
    linked(acme, idp, name="stranger", organization=elsewhere)
    _, answer = come(idp)
    assert "Nobody here is linked" in refused(answer)


def test_who_was_put_out_of_the_organization_comes_in_no_longer(acme, acme_okta, idp):
    linked(acme, idp)
    Member.objects.filter(user=acme["viewer"]).delete()
    _, answer = come(idp)
    assert "Nobody here is linked" in refused(answer)


def test_whose_account_is_closed_does_not_come_in(acme, acme_okta, idp):
    linked(acme, idp)
    User.objects.filter(pk=acme["viewer"].pk).update(is_active=False)
    _, answer = come(idp)
    assert "Nobody here is linked" in refused(answer)


HS = jwk.OctKey.import_key(SECRET)
WRONG = {
    "another issuer": {"iss": "https://evil.test"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "another-client"},
    "one of two audiences, for another": {"aud": [CLIENT, "other"], "azp": "other"},
    "two audiences and no party": {"aud": [CLIENT, "other"]},
    "another party": {"azp": "other"},
    "another nonce": {"nonce": "of-another-sign-in"},
    "no nonce": {"nonce": None},
    "a nonce that is no text": {"nonce": 7},
    "an end in the past": {"exp": 1_000},
    "no end": {"exp": None},
    "made long ago": {"iat": 1_000},
    "made tomorrow": {"iat": 9_999_999_999},
    "not yet": {"nbf": 9_999_999_999},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": 1},
    "a long subject": {"sub": "x" * 256},
    "a subject with a line": {"sub": "00u1\n"},
    "a time that is no number": {"exp": "tomorrow"},
    "a time that is a truth": {"exp": True},
}


@pytest.mark.parametrize("what", WRONG)
def test_an_id_token_with_a_wrong_claim_signs_nobody_in(acme, acme_okta, idp, what):
    linked(acme, idp)
    idp.claims = WRONG[what]
    client, answer = come(idp)
    assert "could not be trusted" in refused(answer)
    assert not is_in(client)


SIGNERS = {
    "nobody": unsigned,
    "a stranger": lambda claims: signed(claims, OTHER_KEY),
    "our own secret": lambda claims: signed(claims, HS, "HS256"),
    "nobody, without a dot": lambda claims: unsigned(claims).rstrip("."),
    "no token": lambda claims: "x",
    "too much": lambda claims: signed({**claims, "more": "x" * 20_000}),
    "another's text": lambda claims: (
        unsigned(claims).rpartition(".")[0] + "." + signed({"a": 1}).rpartition(".")[2]
    ),
}


@pytest.mark.parametrize("signer", SIGNERS)
def test_an_id_token_that_the_provider_has_not_signed_signs_nobody_in(acme, acme_okta, idp, signer):
    linked(acme, idp)
    idp.sign = SIGNERS[signer]
    client, answer = come(idp)
    assert "could not be trusted" in refused(answer)
    assert not is_in(client)


def test_a_key_set_with_a_shared_key_proves_nothing(acme, acme_okta, idp):
    linked(acme, idp)
    idp.keys = [{**HS.as_dict(), "kid": "one"}]
    idp.sign = SIGNERS["our own secret"]
    _, answer = come(idp)
    assert "could not be trusted" in refused(answer)


@pytest.mark.parametrize("state", ["", "x", "é", "x" * 5000])
def test_an_answer_with_another_state_is_not_for_this_browser(acme, acme_okta, idp, state):
    linked(acme, idp)
    client = Browser()
    back = idp.sign_in(client.get("/accounts/sso/acme/start/").headers["Location"], state=state)
    assert "not begun in this browser" in refused(client.get(back))
    assert not is_in(client)
    assert "POST /token" not in idp.asked


def test_an_answer_for_somebody_else_s_browser_is_refused(acme, acme_okta, idp):
    linked(acme, idp)
    back = idp.sign_in(Browser().get("/accounts/sso/acme/start/").headers["Location"])
    victim = Browser()
    assert "not begun in this browser" in refused(victim.get(back))
    victim.get("/accounts/sso/acme/start/")
    assert "not begun in this browser" in refused(victim.get(back))


def test_an_answer_is_taken_once_and_for_ten_minutes(acme, acme_okta, idp):
    linked(acme, idp)
    client = Browser()
    back = idp.sign_in(client.get("/accounts/sso/acme/start/").headers["Location"])
    client.get(back)
    client.post("/accounts/logout/")
    assert "not begun in this browser" in refused(client.get(back))
    late = Browser()
    back = idp.sign_in(late.get("/accounts/sso/acme/start/").headers["Location"])
    session = late.session
    session["single_sign_on"] = {**session["single_sign_on"], "began": time.time() - 601}
    session.save()
    assert "too old" in refused(late.get(back))


def test_an_answer_for_one_organization_is_none_for_another(acme, acme_okta, idp):
    elsewhere = Organization.objects.get(slug="elsewhere")
    IdentityProvider.objects.create(
        organization=elsewhere,
        name="Theirs",
        issuer=idp.issuer,
        client_id=CLIENT,
        sealed_secret=acme_okta.sealed_secret,
    )
    linked(acme, idp, name="stranger", organization=elsewhere)
    client = Browser()
    back = idp.sign_in(client.get("/accounts/sso/acme/start/").headers["Location"])
    answer = client.get(back.replace("/sso/acme/", "/sso/elsewhere/"))
    assert "not begun in this browser" in refused(answer)


def test_an_answer_that_names_another_issuer_is_refused(acme, acme_okta, idp):
    linked(acme, idp)
    _, answer = come(idp, iss="https://evil.test")
    assert "another provider" in refused(answer)
    client, _ = come(idp, iss=idp.issuer)
    assert is_in(client, KEYS)


@pytest.mark.parametrize("query", ["error=access_denied&code=x", "code=", "error=<script>"])
def test_a_refusal_at_the_provider_is_told_in_our_words(acme_okta, idp, newcomer, query):
    address = newcomer.get("/accounts/sso/acme/start/").headers["Location"]
    state = parse_qs(urlsplit(address).query)["state"][0]
    page = newcomer.get(f"/accounts/sso/acme/callback/?state={state}&{query}")
    assert "The provider did not sign you in." in refused(page)
    assert "<script>" not in page.content.decode().partition("<main")[2]


@pytest.mark.parametrize(
    "fault",
    [
        {"discovery": {"issuer": "https://evil.test"}},
        {"discovery": {"token_endpoint": "http://169.254.169.254/latest"}},
        {"discovery": {"jwks_uri": "file:///etc/passwd"}},
        {"discovery": {"authorization_endpoint": "javascript:alert(1)"}},
        {"discovery": {"authorization_endpoint": None}},
    ],
)
def test_a_provider_that_changes_its_places_leads_nowhere(acme_okta, idp, newcomer, fault):
    idp.discovery = fault["discovery"]
    answer = newcomer.get("/accounts/sso/acme/start/")
    assert answer.status_code == 400
    assert "provider" in text_of(answer)


@pytest.mark.parametrize("reply", [b"[]", b"{", b"[" * 50_000, b"x" * 70_000, b"\xff"])
def test_an_answer_that_is_no_document_is_the_provider_s_fault(acme_okta, idp, newcomer, reply):
    idp.answer = lambda *_: (200, reply)
    assert newcomer.get("/accounts/sso/acme/start/").status_code == 400


def test_a_provider_that_is_gone_is_said_to_be(acme_okta, settings, idp, newcomer):
    settings.LATCHKEY_ALLOWED_URL_PREFIXES = []
    answer = newcomer.get("/accounts/sso/acme/start/")
    assert "The provider could not be reached." in refused(answer)


def test_a_stranger_learns_no_organization_by_its_name(acme_okta, newcomer):
    def said(path):
        return text_of(newcomer.get(path)).partition("<main")[2]

    known, unknown = said("/accounts/sso/acme/"), said("/accounts/sso/nobody/")
    assert known.replace("acme", "nobody") == unknown
    nobody, without = said("/accounts/sso/nobody/start/"), said("/accounts/sso/elsewhere/start/")
    assert "no single sign-on under this name" in nobody
    assert nobody.replace("nobody", "elsewhere") == without


def test_a_page_of_another_host_is_not_where_one_ends(acme, acme_okta, idp):
    linked(acme, idp)
    for page, ends in (("//evil.test/", "/o/acme/"), (KEYS, KEYS)):
        _, answer = come(idp, start=f"/accounts/sso/acme/start/?next={page}")
        assert answer.headers["Location"] == ends


def test_too_many_beginnings_from_one_address_wait(acme_okta, newcomer):
    for _ in range(20):
        newcomer.get("/accounts/sso/acme/start/")
    assert newcomer.get("/accounts/sso/acme/start/").status_code == 429


# What such a session opens


@pytest.fixture
def both(acme, acme_okta, idp):
    """The viewer, who owns another organization too, has come by Acme's provider."""
    elsewhere = Organization.objects.get(slug="elsewhere")
    Member.objects.create(organization=elsewhere, user=acme["viewer"], role=OrganizationRole.OWNER)
    linked(acme, idp)
    client, _ = come(idp)
    return client


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


# Confirming an act


def old(client):
    """The sign-in was an hour ago."""
    session = client.session
    key = "account_authentication_methods"
    session[key] = [{**each, "at": each["at"] - 3600} for each in session[key]]
    session.save()
    return client


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


# Linking


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


# Joining


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


# The provider, as owners set it


def test_the_secret_rests_sealed_for_this_client_and_is_never_shown(acme_okta, sign_in, idp):
    assert SECRET not in acme_okta.sealed_secret
    page = sign_in("owner").get(SETTINGS).content.decode()
    assert SECRET not in page
    assert acme_okta.sealed_secret not in page
    assert SECRET not in str(list(AuditEvent.objects.values()))
    assert callback_address("acme") in page


def test_a_sealed_secret_opens_for_no_other_row(acme, acme_okta, idp, newcomer):
    IdentityProvider.objects.filter(pk=acme_okta.pk).update(client_id="another")
    answer = newcomer.get("/accounts/sso/acme/start/")
    assert "secret cannot be opened any more" in refused(answer)


def test_only_owners_set_it_after_a_fresh_sign_in(acme, idp, sign_in):
    assert sign_in("admin").post(SETTINGS, typed(idp)).status_code == 403
    assert sign_in("stranger").get(SETTINGS).status_code == 404
    stale = sign_in("owner", ago=3600).post(SETTINGS, typed(idp))
    assert "reauthenticate" in stale.headers["Location"]
    assert not IdentityProvider.objects.exists()


def test_a_new_issuer_or_client_takes_a_secret_and_a_new_name_does_not(acme_okta, idp, sign_in):
    client = sign_in("owner")
    assert client.post(SETTINGS, typed(idp, secret="", client_id="new")).status_code == 422
    client.post(SETTINGS, typed(idp, secret="", name="Okta"))
    held = IdentityProvider.objects.get()
    assert (held.name, held.sealed_secret) == ("Okta", acme_okta.sealed_secret)
    assert AuditEvent.objects.filter(event="organization.provider-set").count() == 2


def test_another_client_signs_out_whoever_came_by_the_former(acme, acme_okta, idp, sign_in):
    linked(acme, idp)
    by_provider, _ = come(idp)
    sign_in("owner").post(SETTINGS, typed(idp, client_id="another"))
    assert not is_in(by_provider)


def test_removing_it_signs_out_whoever_came_by_it_and_ends_the_way(acme, acme_okta, idp, sign_in):
    linked(acme, idp)
    by_provider, _ = come(idp)
    own = sign_in("owner")
    own.post(f"{SETTINGS}remove/")
    assert not is_in(by_provider)
    assert is_in(own)
    assert Browser().get("/accounts/sso/acme/start/").status_code == 400
    assert AuditEvent.objects.filter(event="organization.provider-removed").count() == 1


@pytest.mark.parametrize(
    "issuer",
    [
        *("http://169.254.169.254", "file:///etc/passwd", "https://127.0.0.1", "javascript:x"),
        *("http://localhost:1", "nothing", "https://user:pw@idp.test", "x" * 501),
    ],
)
def test_an_address_that_nothing_may_be_sent_to_is_refused_at_the_field(acme, sign_in, issuer):
    form = {"name": "X", "issuer": issuer, "client_id": "c", "secret": "s"}
    answer = sign_in("owner").post(SETTINGS, form)
    assert answer.status_code == 422
    assert answer.context["form"].errors["issuer"]
