"""Second factors in a real Chromium, with an authenticator that it simulates (WebAuthn's virtual one)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from tests.browser.person import Person, somebody
from tests.browser.steps import ANA, PASSWORD

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("processes"),
]
INDEX = "/accounts/2fa/"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Device:
    """Plugged in only while it is asked for: axe's own session with the browser would unplug it."""

    known: list[Any] = field(default_factory=list)

    @contextmanager
    def plugged(self, person: Person) -> Iterator[None]:
        session = person.page.context.new_cdp_session(person.page)
        session.send("WebAuthn.enable")
        it = session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        for each in self.known:
            session.send("WebAuthn.addCredential", it | {"credential": each})
        yield
        self.known = session.send("WebAuthn.getCredentials", it)["credentials"]
        session.detach()


@pytest.fixture
def ana(chromium, house, founded) -> Iterator[Person]:
    """Signed in for this test alone, since she signs out in it."""
    with somebody(chromium, house.url) as person:
        person.signs_in(ANA, PASSWORD).is_at("/o/acme/")
        yield person


def signs_in_anew(person: Person) -> Person:
    person.signs_out().page.wait_for_url("**/accounts/login/**")
    person.sees("Sign in")
    return person.opens("/accounts/login/").sees("Sign in")


def test_a_passkey_alone_signs_in_and_confirms_and_is_the_second_step(ana):
    laptop = Device()
    ana.opens(INDEX).sees("Account").follows("Add a passkey").sees("Account")
    ana.fills({"Name": "Work laptop"})
    with laptop.plugged(ana):
        ana.presses("Add passkey").reads("I have stored the codes")
    ana.sees("Account").ticks("I have stored the codes").presses("Continue").reads("Work laptop")
    signs_in_anew(ana)
    with laptop.plugged(ana):
        ana.presses("Sign in with a passkey").page.wait_for_url("**/o/acme/")
    ana.is_at("/o/acme/")
    ana.is_at("/o/acme/")
    ana.opens("/accounts/2fa/webauthn/reauthenticate/?next=/account/").sees("Confirm it is you")
    with laptop.plugged(ana):
        ana.presses("Use a passkey").page.wait_for_url("**/account/")
    ana.is_at("/account/")
    # After the password it is the second step.
    signs_in_anew(ana).fills({"Email": ANA, "Password": PASSWORD}).presses("Sign in")
    ana.sees("Second step")
    with laptop.plugged(ana):
        ana.presses("Use a passkey or security key").page.wait_for_url("**/o/acme/")
    ana.is_at("/o/acme/")
    ana.opens(INDEX).follows("Manage passkeys").sees("Account")
    ana.page.get_by_role("link", name="Remove Work laptop").click()
    ana.reads("will no longer sign you in").presses("Remove passkey").is_at(
        "/accounts/2fa/webauthn/"
    )
    ana.opens(INDEX).reads("Your password alone signs you in")


def test_an_app_is_set_up_its_code_works_once_and_a_recovery_code_helps_out(ana):
    ana.opens(INDEX).follows("Set up an authenticator app").sees("Account")
    seed, now = ana.text_of("#totp-key"), time.time()
    ana.fills({"Authenticator code": _code(seed, now)}).presses("Turn on")
    ana.reads("I have stored the codes").sees("Account")
    recovery = ana.text_of("#the-codes").split()
    signs_in_anew(ana).fills({"Email": ANA, "Password": PASSWORD}).presses("Sign in")
    ana.sees("Second step").fills({"Code": _code(seed, now)}).presses("Sign in")
    ana.reads("That did not work").sees("Second step")
    ana.fills({"Code": recovery[0]}).presses("Sign in").is_at("/o/acme/")
    ana.opens(INDEX).reads("9 of 10 left").sees("Account")
    ana.follows("Remove the app").sees("Account").presses("Remove the app").is_at(INDEX)
    ana.reads("Your password alone signs you in")


def _code(seed: str, at: float) -> str:
    return str(format_hotp_value(hotp_value(seed, int(at) // 30)))
