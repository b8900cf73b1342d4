"""An organization asks its members for a second factor: whom it touches is shown first, then a banner, then the gate."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.urls import reverse

from environments.access import Refused
from environments.models import AuditEvent, Organization
from environments.services.sign_on import NoFactorYourself, require_second_factor
from tests.pages import text_of

SEED = "JBSWY3DPEHPK3PXP"
NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
PAGE = "/o/acme/settings/sign-on/"
ASKED = {"asked": "on", "days": "14"}
KEYS = "/o/acme/e/development/"
GATE = "Acme asks for a second factor"


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def owner(acme, sign_in):
    TOTP.activate(acme["owner"], SEED)
    return sign_in("owner")


def ask(acme, since=NOON):
    Organization.objects.filter(pk=acme.organization.pk).update(second_factor_from=since)


def since(acme):
    return Organization.objects.get(pk=acme.organization.pk).second_factor_from


def test_an_owner_sees_whom_it_touches_before_anything_is_saved(acme, owner):
    assert "Set up yours" not in text_of(owner.get(PAGE))
    page = text_of(owner.post(PAGE, ASKED))
    assert "7 people have no second factor." in page
    assert "Engineer, Lead, Member" in page
    assert since(acme) is None
    owner.post(PAGE, ASKED | {"confirmed": "yes"})
    assert since(acme) == NOON + timedelta(days=14)
    line = AuditEvent.objects.get(event="organization.second-factor")
    assert line.detail["before"] == {"since": "never"}
    assert line.detail["after"] == {"since": "2027-01-29T12:00+00:00"}


def test_who_has_no_factor_cannot_ask_others_for_one(acme, sign_in):
    person = sign_in("owner")
    assert (
        f'href="{reverse("mfa_index")}">Set up yours</a> first' in person.get(PAGE).content.decode()
    )
    for answer in (ASKED, ASKED | {"confirmed": "yes"}):
        page = person.post(PAGE, answer)
        assert "Set up a second factor for yourself first" in text_of(page)
    with pytest.raises(NoFactorYourself):
        require_second_factor(acme.org("owner"), NOON)
    assert since(acme) is None


def test_only_owners_decide_it_and_after_a_fresh_sign_in(acme, sign_in):
    assert sign_in("admin").get(PAGE).status_code == 403
    assert sign_in("stranger").get(PAGE).status_code == 404
    with pytest.raises(Refused):
        require_second_factor(acme.org("admin"), None)
    stale = sign_in("owner", ago=3600)
    assert "reauthenticate" in stale.get(PAGE).headers["Location"]
    assert "reauthenticate" in stale.post(PAGE, {"days": "0"}).headers["Location"]


def test_until_the_day_a_banner_asks(acme, sign_in):
    ask(acme, NOON + timedelta(days=3))
    page = text_of(sign_in("viewer").get(KEYS))
    assert "Acme asks for a second factor by" in page
    assert "in 3 days" in page
    TOTP.activate(acme["viewer"], SEED)
    assert "asks for a second factor" not in text_of(sign_in("viewer").get(KEYS))


def test_from_the_day_on_the_gate_stands_before_every_page(acme, sign_in, issue):
    key = issue().key
    ask(acme)
    client = sign_in("engineer")
    for path in ("/o/acme/", KEYS, f"{KEYS}keys/{key.client_id}/", "/o/acme/members/"):
        answer = client.get(path)
        assert (answer.status_code, GATE in text_of(answer)) == (403, True)
    page = text_of(answer)
    assert "billing-api" not in page
    assert "owner@acme.test" in page
    assert "Sign out" in page
    # Their account, the way to a factor, and the way out stay open.
    for path in ("/account/", reverse("mfa_add_webauthn"), reverse("mfa_activate_totp")):
        assert client.get(path).status_code == 200
    assert client.post("/accounts/logout/").status_code == 302


def test_what_is_posted_past_the_gate_changes_nothing(acme, sign_in, issue):
    key = issue().key
    ask(acme)
    answer = sign_in("engineer").post(f"{KEYS}keys/{key.client_id}/disable/")
    assert answer.status_code == 403
    key.refresh_from_db()
    assert key.disabled_at is None


@pytest.mark.parametrize("kind", ["totp", "webauthn"])
def test_an_app_or_a_passkey_opens_the_gate(acme, sign_in, kind):
    ask(acme)
    Authenticator.objects.create(user=acme["viewer"], type=kind, data={"name": "Key"})
    assert sign_in("viewer").get(KEYS).status_code == 200


def test_recovery_codes_alone_do_not(acme, sign_in):
    ask(acme)
    Authenticator.objects.create(user=acme["viewer"], type="recovery_codes", data={})
    assert sign_in("viewer").get(KEYS).status_code == 403


def test_another_organization_of_the_same_person_stays_open(acme, sign_in):
    ask(acme)
    assert sign_in("stranger").get("/o/elsewhere/").status_code == 200


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=5)])
def test_the_last_factor_stays_while_an_organization_asks_for_one(acme, sign_in, ahead):
    ask(acme, NOON + ahead)
    app = TOTP.activate(acme["viewer"], SEED).instance
    client = sign_in("viewer")
    for act in (client.get, client.post):
        answer = act(reverse("mfa_deactivate_totp"), follow=True)
        assert "Acme asks for a second factor, so the last one stays." in text_of(answer)
    assert Authenticator.objects.filter(pk=app.pk).exists()
    passkey = Authenticator.objects.create(user=acme["viewer"], type="webauthn", data={"name": "K"})
    client.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.filter(pk=app.pk).exists()
    client.post(reverse("mfa_remove_webauthn", args=[passkey.pk]))
    assert Authenticator.objects.filter(pk=passkey.pk).exists()


def test_it_is_switched_off_again_without_a_review(acme, owner):
    ask(acme)
    owner.post(PAGE, {"days": "14"})
    assert since(acme) is None
