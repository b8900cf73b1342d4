"""A passkey signs in its own person: alone, as the second step, and to confirm an act; nobody else."""

import json
import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse
from django.utils import timezone

from environments.models import AuditEvent
from tests.browsers import Browser
from tests.dashboard.told import happened, is_in
from tests.passkey import PRESENT, Passkey

PASSWORD = "correct horse battery"
CONFIRM = reverse("mfa_reauthenticate_webauthn")


@pytest.fixture
def registered(acme, sign_in):
    """The passkey that this person has just added, as people do."""

    def add(name: str) -> Passkey:
        key, client = Passkey(), sign_in(name)
        page = client.get(reverse("mfa_add_webauthn"))
        challenge = page.context["js_data"]["creation_options"]["publicKey"]["challenge"]
        form = {"name": "Laptop", "passwordless": "on", "credential": key.register(challenge)}
        answer = client.post(reverse("mfa_add_webauthn"), form)
        assert answer.headers["Location"] == reverse("mfa_view_recovery_codes")
        return key

    return add


def challenge_alone(client):
    page = reverse("mfa_login_webauthn")
    answer = client.get(page, headers={"X-Requested-With": "XMLHttpRequest"})
    return answer.json()["request_options"]["publicKey"]["challenge"]


def challenge_on(page):
    (said,) = re.findall(r'<script id="js_data"[^>]*>(.*?)</script>', page.content.decode())
    return json.loads(said)["request_options"]["publicKey"]["challenge"]


def comes(client, sent):
    client.post(reverse("mfa_login_webauthn"), {"credential": sent})
    return client.get("/account/").status_code == 200


def at_second_step(name):
    client = Browser()
    client.post(reverse("account_login"), {"login": f"{name}@acme.test", "password": PASSWORD})
    return client, client.get(reverse("mfa_authenticate"))


def test_a_passkey_alone_signs_its_person_in(acme, registered):
    key, client = registered("viewer"), Browser()
    assert comes(client, key.sign(challenge_alone(client), acme["viewer"].pk))
    line = AuditEvent.objects.get(event="sign-in.succeeded")
    assert (line.actor, line.detail) == ("viewer@acme.test", {"by": ["webauthn"]})


def test_somebody_elses_passkey_does_not_sign_in_as_me(acme, registered):
    registered("viewer")
    theirs, client = registered("engineer"), Browser()
    assert not comes(client, theirs.sign(challenge_alone(client), acme["viewer"].pk))


def test_one_s_own_passkey_with_another_signature_does_not(acme, registered):
    key, client = registered("viewer"), Browser()
    forged = Passkey(ident=key.ident)
    assert not comes(client, forged.sign(challenge_alone(client), acme["viewer"].pk))


def test_an_answer_to_another_challenge_or_a_second_time_does_not(acme, registered):
    key, client, other = registered("viewer"), Browser(), Browser()
    viewer = acme["viewer"].pk
    challenge_alone(other)
    sent = key.sign(challenge_alone(client), viewer)
    assert not comes(other, sent)
    assert comes(client, sent)
    client.post(reverse("account_logout"))
    challenge_alone(client)
    assert not comes(client, sent)


def test_without_finger_or_pin_a_passkey_is_no_only_step(acme, registered):
    key, client = registered("viewer"), Browser()
    sent = key.sign(challenge_alone(client), acme["viewer"].pk, flags=PRESENT)
    assert not comes(client, sent)


def test_a_found_key_does_not_answer_alone_what_the_finders_second_step_asked(
    acme, registered, time_machine
):
    """Without a finger or a PIN it is a second step; the finder's own one asks for none, and then runs out of time."""
    registered("engineer")
    found, viewer = registered("viewer"), acme["viewer"].pk
    client, page = at_second_step("engineer")
    sent = found.sign(challenge_on(page), viewer, flags=PRESENT)
    time_machine.move_to(timezone.now() + timedelta(minutes=20))
    assert not comes(client, sent)
    lines = AuditEvent.objects.filter(event="sign-in.succeeded", actor="viewer@acme.test")
    assert not lines.exists()


def test_as_the_second_step_it_is_the_own_one(acme, registered):
    mine, theirs = registered("viewer"), registered("engineer")
    viewer = acme["viewer"].pk
    client, page = at_second_step("viewer")
    for sent, comes_in in ((theirs, False), (mine, True)):
        answer = sent.sign(challenge_on(page), viewer)
        page = client.post(reverse("mfa_authenticate"), {"credential": answer})
        assert (client.get("/account/").status_code == 200) is comes_in


def test_somebody_elses_passkey_confirms_nothing(acme, registered, sign_in):
    mine, theirs = registered("viewer"), registered("engineer")
    client = sign_in("viewer", ago=3600)
    for sent, confirmed in ((theirs, False), (mine, True)):
        page = client.get(CONFIRM, {"next": "/account/"})
        answer = sent.sign(challenge_on(page), acme["viewer"].pk)
        client.post(CONFIRM, {"credential": answer, "next": "/account/"})
        fresh = client.get(reverse("mfa_add_webauthn")).status_code == 200
        assert fresh is confirmed
    assert AuditEvent.objects.filter(event="sign-in.not-confirmed").count() == 1


def test_a_passkey_that_is_removed_opens_nothing(acme, registered, sign_in):
    key = registered("viewer")
    client = sign_in("viewer")
    factor = acme["viewer"].authenticator_set.get(type="webauthn")
    client.post(reverse("mfa_remove_webauthn", args=[factor.pk]))
    newcomer = Browser()
    assert not comes(newcomer, key.sign(challenge_alone(newcomer), acme["viewer"].pk))
    assert not acme["viewer"].authenticator_set.exists()  # the recovery codes went, too


def test_another_persons_passkey_is_neither_renamed_nor_removed(acme, registered, sign_in):
    registered("viewer")
    factor = acme["viewer"].authenticator_set.get(type="webauthn")
    client = sign_in("engineer")
    for page in ("mfa_remove_webauthn", "mfa_edit_webauthn"):
        for act in (client.get, client.post):
            assert act(reverse(page, args=[factor.pk])).status_code == 404


def credential(**more):
    """Of the right shape, and signed by nobody."""
    empty = {"clientDataJSON": "e30", "authenticatorData": "AA" * 25, "signature": "AA"}
    whole = {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": empty | more}
    return json.dumps(whole)


@pytest.mark.parametrize(
    "sent",
    [
        *(
            "",
            "{}",
            "[]",
            "1",
            "null",
            '"x"',
            "{",
            "9" * 5000,
            "[" * 90_000,
            '{"response": []}',
            '{"response": "x"}',
        ),
        *('{"id": 1, "rawId": 1, "response": {}}', credential(), credential(userHandle="MQ")),
        *(credential(userHandle="!!"), credential(userHandle=1), credential(userHandle="")),
        credential(userHandle="OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"),
    ],
)
def test_what_is_no_passkey_signs_nobody_in(acme, client, sent):
    ajax = client.get(reverse("mfa_login_webauthn"), headers={"X-Requested-With": "XMLHttpRequest"})
    assert "challenge" in ajax.content.decode()
    answer = client.post(reverse("mfa_login_webauthn"), {"credential": sent})
    assert answer.headers["Location"] == reverse("account_login")
    assert not is_in(client)
    assert happened() == [("sign-in.failed", "a passkey")]


def test_a_refused_passkey_confirms_nothing_and_the_act_still_waits(acme, sign_in):
    data = {"name": "Key", "credential": {}}
    Authenticator.objects.create(user=acme["viewer"], type="webauthn", data=data)
    page = reverse("mfa_reauthenticate_webauthn")
    form = {"credential": credential(), "next": reverse("mfa_add_webauthn")}
    answer = sign_in("viewer", ago=3600).post(page, form)
    assert answer.status_code in {200, 302}
    assert happened() == [("sign-in.not-confirmed", "to add a passkey")]
