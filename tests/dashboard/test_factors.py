"""Second factors: an app's code, recovery codes, passkeys. What rests is sealed, what is used is spent, what changes is told."""

import json
import re

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.contrib.sessions.serializers import JSONSerializer
from django.core import mail, signing
from django.core.cache import cache
from django.db import connection
from django.urls import reverse

from dashboard import factors
from dashboard.sessions import SessionStore
from environments.models import AuditEvent, Session
from tests.dashboard.told import happened, is_in
from tests.pages import text_of

SEED = "JBSWY3DPEHPK3PXP"
PASSWORD = "correct horse battery"
NOON = 1_800_000_000
APP = "mfa_activate_totp"


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def code_at(at: float, seed: str = SEED) -> str:
    return str(format_hotp_value(hotp_value(seed, int(at) // 30)))


@pytest.fixture
def app(acme):
    return TOTP.activate(acme["viewer"], SEED).instance


def password(client, name="viewer"):
    form = {"login": f"{name}@acme.test", "password": PASSWORD}
    return client.post(reverse("account_login"), form)


def second(client, code):
    return client.post(reverse("mfa_authenticate"), {"code": code})


def spaced(code: str) -> str:
    return f"{code[:3]} {code[3:]}"


def test_after_the_password_a_code_signs_in_and_the_log_says_by_what(app, client):
    assert password(client).headers["Location"] == reverse("mfa_authenticate")
    assert not is_in(client)
    second(client, spaced(code_at(NOON)))
    assert is_in(client)
    line = AuditEvent.objects.get(event="sign-in.succeeded")
    assert line.detail == {"by": ["password", "totp"]}


@pytest.mark.parametrize("again", [str, spaced, lambda code: f" {code} ", "-".join])
def test_a_code_is_taken_once_however_it_is_spelt(app, client, again):
    password(client)
    second(client, code_at(NOON))
    client.post(reverse("account_logout"))
    cache.clear()  # another process, or a restart: the row remembers
    password(client)
    answer = second(client, again(code_at(NOON)))
    assert "That did not work" in text_of(answer)
    assert not is_in(client)
    assert happened()[-1] == ("sign-in.failed", "viewer@acme.test")


def test_once_a_code_was_taken_an_older_one_is_not_either(app, client, noon):
    password(client)
    second(client, code_at(NOON + 30))  # a phone half a minute ahead
    client.post(reverse("account_logout"))
    cache.clear()
    password(client)
    second(client, code_at(NOON))
    assert not is_in(client)
    noon.shift(60)
    second(client, code_at(NOON + 60))
    assert is_in(client)


def test_a_code_of_two_minutes_ago_is_too_old(app, client):
    password(client)
    second(client, code_at(NOON - 120))
    assert not is_in(client)


def test_a_code_that_confirmed_an_act_signs_nobody_in(app, sign_in, client):
    page = reverse("mfa_reauthenticate")
    answer = sign_in("viewer", ago=3600).post(page, {"code": code_at(NOON), "next": "/account/"})
    assert answer.headers["Location"] == "/account/"
    client.post(reverse("account_logout"))
    cache.clear()
    password(client)
    second(client, code_at(NOON))
    assert not is_in(client)


def test_a_recovery_code_is_taken_on_the_same_page_once_and_told(app, acme, client):
    codes = RecoveryCodes.activate(acme["viewer"]).get_unused_codes()
    password(client)
    second(client, f" {codes[3][:4]} {codes[3][4:]}")
    assert is_in(client)
    assert ("sign-in.code-used", "viewer@acme.test") in happened()
    assert AuditEvent.objects.get(event="sign-in.code-used").detail == {"left": 9}
    client.post(reverse("account_logout"))
    password(client)
    second(client, codes[3])
    assert not is_in(client)


def test_somebody_elses_code_opens_nothing(app, acme, client):
    TOTP.activate(acme["engineer"], "GEZDGNBVGY3TQOJQ")
    password(client)
    second(client, code_at(NOON, "GEZDGNBVGY3TQOJQ"))
    assert not is_in(client)


@pytest.fixture
def set_up(acme, sign_in):
    """The viewer with an app that they have just set up, as people do."""
    client = sign_in("viewer")
    page = client.get(reverse(APP))
    seed = page.context["form"].secret
    answer = client.post(reverse(APP), {"code": code_at(NOON, seed)})
    assert answer.headers["Location"] == reverse("mfa_view_recovery_codes")
    return client, seed


@pytest.mark.parametrize("first", [6, 7, 14, 15, 30, 31])
def test_what_one_act_adds_is_told_in_its_order_whatever_the_rows_numbers(acme, rf, first):
    """Numbers near a power of two come out of a set in another order."""
    app = TOTP.activate(acme["viewer"], SEED).instance
    Authenticator.objects.filter(pk=app.pk).update(id=first)
    app.pk = first
    codes = Authenticator(pk=first + 1, type=Authenticator.Type.RECOVERY_CODES, user=acme["viewer"])
    request = rf.post("/")
    request.user, request.session = acme["viewer"], {}
    factors._note_changes(request, {}, {first: app, first + 1: codes})
    assert [event for event, _ in happened()] == ["sign-in.factor-added", "sign-in.codes-made"]


def test_setting_up_an_app_leads_to_the_codes_and_is_told(set_up):
    client, _ = set_up
    page = text_of(client.get(reverse("mfa_view_recovery_codes")))
    assert len(re.findall(r"\b\d{8}\b", page)) == 10
    assert "I have stored the codes" in page
    assert [event for event, _ in happened()] == [
        "sign-in.factor-added",
        "sign-in.codes-made",
        "sign-in.codes-seen",
    ]


@pytest.mark.django_db(transaction=True)
def test_a_letter_tells_of_a_new_app_and_of_one_that_is_gone(set_up):
    client, _ = set_up
    client.post(reverse("mfa_deactivate_totp"))
    subjects = [letter.subject for letter in mail.outbox]
    assert subjects == ["Authenticator app added", "Authenticator app removed"]


def test_the_code_that_set_the_app_up_is_spent(set_up):
    client, seed = set_up
    client.post(reverse("account_logout"))
    cache.clear()
    password(client)
    second(client, code_at(NOON, seed))
    assert not is_in(client)


def test_the_key_is_shown_in_fours(acme, sign_in):
    page = sign_in("viewer").get(reverse(APP))
    seed = page.context["form"].secret
    assert f"{seed[:4]} {seed[4:8]} {seed[8:12]}" in page.content.decode()


def test_codes_may_be_looked_at_for_ten_minutes_and_never_again(set_up, noon):
    client, _ = set_up
    address = reverse("mfa_view_recovery_codes")
    first = re.findall(r"\b\d{8}\b", text_of(client.get(address)))
    noon.shift(599)
    assert re.findall(r"\b\d{8}\b", text_of(client.get(address))) == first
    file = client.get(reverse("mfa_download_recovery_codes"))
    assert file.content.decode().split() == first
    noon.shift(2)
    page = client.get(address)
    assert re.findall(r"\b\d{8}\b", text_of(page)) == []
    assert "10 of 10 left" in text_of(page)
    assert client.get(reverse("mfa_download_recovery_codes")).status_code == 302
    assert [event for event, _ in happened()].count("sign-in.codes-seen") == 1


def test_codes_are_seen_after_a_fresh_sign_in_only_and_never_by_others(app, acme, sign_in):
    RecoveryCodes.activate(acme["viewer"])
    address = reverse("mfa_view_recovery_codes")
    stale = sign_in("viewer", ago=3600).get(address)
    assert stale.headers["Location"].startswith(reverse("mfa_reauthenticate"))
    assert sign_in("engineer").get(address).status_code == 404


def test_new_codes_void_the_old_ones(set_up):
    client, _ = set_up
    old = client.get(reverse("mfa_view_recovery_codes")).context["codes"]
    client.post(reverse("mfa_generate_recovery_codes"))
    new = client.get(reverse("mfa_view_recovery_codes")).context["codes"]
    assert not set(old) & set(new)
    assert [event for event, _ in happened()].count("sign-in.codes-made") == 2
    assert [event for event, _ in happened()].count("sign-in.factor-removed") == 0


def test_removing_the_app_asks_who_it_is_and_is_told(app, sign_in):
    address = reverse("mfa_deactivate_totp")
    stale = sign_in("viewer", ago=3600)
    assert "reauthenticate" in stale.get(address).headers["Location"]
    assert "reauthenticate" in stale.post(address).headers["Location"]
    assert Authenticator.objects.filter(pk=app.pk).exists()
    sign_in("viewer").post(address)
    assert not Authenticator.objects.exists()
    assert happened()[-1] == ("sign-in.factor-removed", "Authenticator app")


def test_a_fresh_sign_in_counts_on_these_pages_too(acme, sign_in):
    assert sign_in("viewer", ago=60).get(reverse("mfa_add_webauthn")).status_code == 200


def test_who_has_an_app_is_asked_for_a_code_first_and_may_choose_the_password(app, sign_in):
    client = sign_in("viewer", ago=3600)
    page = client.get(client.get(reverse("mfa_add_webauthn")).headers["Location"])
    assert "to add a passkey" in text_of(page)
    assert "Use your password" in text_of(page)


def test_a_copy_of_the_database_with_all_peppers_yields_no_seed_and_no_code(set_up, sign_in):
    client, seed = set_up
    codes = client.get(reverse("mfa_view_recovery_codes")).context["codes"]
    pending = sign_in("engineer").get(reverse(APP)).context["form"].secret
    whole = " ".join(everything_kept())
    for text in (seed, pending, *codes):
        assert text not in whole


def everything_kept():
    """Every row as text; a session's is signed, not sealed, so whoever has it reads it."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  # a table's own name
            yield from (str(row) for row in cursor.fetchall())
    for row in Session.objects.all():
        unsigned = signing.loads(
            row.session_data, salt=SessionStore().key_salt, serializer=JSONSerializer
        )
        yield json.dumps(unsigned)
