"""The pages of a person about themselves, and of owners about sign-on: read by axe, in light and in dark."""

import pytest

from tests.browser.person import somebody
from tests.browser.steps import ANA, PASSWORD

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("processes"),
]
ACCOUNT = (
    "/account/",
    "/account/sessions/",
    "/account/sign-on/",
    "/account/notifications/",
    "/account/access/",
    "/account/activity/",
    "/accounts/2fa/",
)


@pytest.mark.parametrize("width", [320, 1440])
def test_every_page_of_the_account_is_sound(ana, width):
    ana.page.set_viewport_size({"width": width, "height": 800})
    for path in ACCOUNT:
        ana.opens(path).sees("Account")
        assert ana.page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_another_browser_is_seen_and_ended(chromium, house, ana):
    with somebody(chromium, house.url) as lost:
        lost.signs_in(ANA, PASSWORD).is_at("/o/acme/")
        ana.opens("/account/sessions/").sees("Account").reads("This one")
        ana.presses("End all others").reads("You are signed in here alone.").sees("Account")
        lost.opens("/account/").sees("Sign in")


def test_an_owner_without_a_factor_is_told_to_begin_with_their_own(ana):
    ana.opens("/o/acme/settings/sign-on/").sees("Sign-on").reads("You have none yourself.")
    ana.page.locator("#id_asked").check()
    ana.expecting(422).presses("Review").reads("for yourself first").sees("Sign-on")
    ana.opens("/o/acme/settings/sign-on/provider/").sees("Single sign-on")


def test_the_ways_in_are_sound_for_a_stranger(chromium, house):
    with somebody(chromium, house.url) as stranger:
        stranger.opens("/accounts/login/").sees("Sign in")
        stranger.follows("Sign in with your organization's provider").sees("Single sign-on")
        stranger.fills({"Short name of the organization": "nobody"}).presses("Continue")
        stranger.is_at("/accounts/sso/nobody/").expecting(400).follows("Continue to the provider")
        stranger.sees("This did not sign you in")


def test_a_password_is_seen_while_one_types_if_one_wants(chromium, house):
    with somebody(chromium, house.url) as stranger:
        stranger.opens("/accounts/login/").fills({"Password": "seen by me"})
        field = stranger.page.get_by_label("Password", exact=True)
        assert field.get_attribute("type") == "password"
        stranger.presses("Show what is typed").sees("Sign in")
        assert field.get_attribute("type") == "text"
        pressed = "new KeyboardEvent('keydown', {key: 'A', modifierCapsLock: true, bubbles: true})"
        field.evaluate(f"field => field.dispatchEvent({pressed})")
        stranger.reads("Caps lock is on.")
