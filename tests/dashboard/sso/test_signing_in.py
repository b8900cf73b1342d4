"""Who signs in at the provider is whom they were linked with, and comes into one organization."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwk

from dashboard.flow import callback_address
from environments.audit import INSTALLATION
from environments.models import (
    AuditEvent,
    Identity,
    IdentityProvider,
    Member,
    Organization,
    User,
)
from tests.browsers import Browser
from tests.dashboard.sso.coming import KEYS, come, is_in, linked, refused
from tests.oidc import CLIENT, OTHER_KEY, SECRET, signed, unsigned
from tests.pages import text_of

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]


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
    "a party that is a list": {"azp": [CLIENT]},
    "an audience that is an object": {"aud": {"is": CLIENT}},
    "an end that is no number at all": {"exp": float("nan")},
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
        {"discovery": {"token_endpoint_auth_methods_supported": 7}},
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
