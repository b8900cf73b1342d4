"""The main job, as people do it: in Chromium, with web, worker and beat really running, and axe on each page."""

import json
import re

import pytest
from joserfc import jwk
from playwright.sync_api import Browser, Dialog, Page, StorageState, expect

from tests.browser.person import Person, somebody
from tests.browser.steps import (
    ACME,
    ANA,
    DEVELOPMENT,
    PASSWORD,
    RECOMMENDED,
    STAGES,
    STORED,
    Issued,
    ask_for_test,
    buy_token,
    finish,
    invite,
    issue,
    proven,
    read_secret,
    stages,
    whoami,
)
from tests.installation import Installation, until

# On SQLite alone (see .ci/test), though it passes on both: what differs there has tests of its own.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("processes"),
]


def newcomer(chromium: Browser, house: Installation, name: str, link: str) -> StorageState:
    """Somebody without an account follows a one-time link."""
    with somebody(chromium, house.url) as person:
        person.opens(link).sees("Join")
        person.fills({"Your name": name, "Password": PASSWORD})
        person.presses("Create account and join").sees("No environment yet")
        return person.page.context.storage_state()


@pytest.fixture(scope="module")
def vera(chromium, house, founded) -> StorageState:
    """Ana has invited her by a one-time link and made her a viewer of development."""
    with somebody(chromium, house.url, storage_state=founded) as ana:
        vera = newcomer(chromium, house, "Vera", invite(ana, "vera@acme.example"))
        ana.opens(f"{ACME}members/").sees("Members").follows("Vera").sees("Vera")
        ana.fills({"Development role": "Viewer"}).presses("Review changes")
        ana.sees("Review 1 change").presses("Apply 1 change").reads("1 role changed.")
        return vera


@pytest.fixture(scope="module")
def leo(chromium, house, founded) -> StorageState:
    """Lead of Payments, which may issue in development alone and has no keys elsewhere but in staging."""
    with somebody(chromium, house.url, storage_state=founded) as ana:
        leo = newcomer(chromium, house, "Leo", invite(ana, "leo@acme.example"))
        payments = f"{ACME}teams/payments/"
        ana.opens(f"{ACME}teams/new/").sees("New team")
        ana.fills({"Name": "Payments"}).presses("Create team").sees("Payments")
        ana.follows("Change environments").sees("Where Payments may issue")
        ana.ticks("Development").presses("Save environments").is_at(payments)
        ana.follows("Set a member").sees("Set a member of Payments")
        ana.fills({"Person": "Leo (leo@acme.example)", "Team role": "Lead"})
        ana.presses("Save member").is_at(payments)
        ana.opens("/o/acme/e/staging/keys/new/").fills({"Name": "till", "Team": "Payments"})
        ana.picks("Secret").presses("Create key").sees("Secret for till")
        finish(ana, "till")
        return leo


def test_the_first_person_has_an_organization_with_three_environments(ana):
    ana.opens("/").is_at(ACME)
    for environment in ("Development", "Staging", "Production"):
        ana.opens(ACME).follows(environment, within=".side").is_at(
            f"{ACME}e/{environment.lower()}/"
        )
    expect(ana.page.locator(".side a.sub")).to_have_count(3)


def test_the_set_up_link_works_for_one_person_alone(chromium, house, founded):
    with somebody(chromium, house.url) as late:
        late.expecting(404).opens(house.setup_link).sees("Latchkey is set up already")


def test_she_signs_out_and_in_again(chromium, house, founded):
    with somebody(chromium, house.url) as ana:
        ana.signs_in(ANA, "not her password").reads("not correct").sees("Sign in")
        ana.signs_in(ANA, PASSWORD).is_at(ACME)
        ana.signs_out().sees("Sign in")
        ana.opens(ACME).sees("Sign in")


def test_a_new_secret_is_concealed_and_stays_until_it_is_confirmed(ana):
    issued = issue(ana, "conceal")
    page, text = ana.page, ana.page.locator("#secret-text")
    expect(text).to_be_hidden()
    ana.presses("Copy secret")
    expect(page.locator("#said")).to_have_text("secret copied")
    page.get_by_label("Search keys, teams and people").focus()
    page.keyboard.press("Control+v")
    assert page.get_by_label("Search keys, teams and people").input_value() == issued.secret
    ana.presses("Show")
    expect(text).to_have_text(issued.secret)
    expect(text).to_be_visible()
    page.reload()
    assert ana.sees("Secret for conceal").text_of("#secret-text") == issued.secret
    ana.presses("Finish and test").reads("Tick the box first").sees("Secret for conceal")
    assert ana.text_of("#secret-text") == issued.secret


def test_whoever_leaves_the_secret_without_having_stored_it_is_asked_first(ana):
    issue(ana, "leaving")
    ana.presses("Show")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    ana.page.once("dialog", stay)
    ana.follows("Overview", within=".side")
    until(lambda: asked == ["beforeunload"])
    ana.sees("Secret for leaving")


def test_a_key_is_proven_and_buys_tokens_that_say_who_it_is(ana, house):
    issued = issue(ana, "billing-api")
    finish(ana, "billing-api")
    took = stages(ana)
    assert list(took) == STAGES
    times = [time for name, time in took.items() if name != "Queued"]
    assert all(re.fullmatch(r"\d+ ms|under 1 ms", time) for time in times), times

    token = buy_token(issued)["access_token"]
    told = whoami(issued, token)
    assert issued.address == f"{DEVELOPMENT}keys/{told['client_id']}/"
    assert (told["organization"], told["kind"], told["team"]) == ("acme", "development", None)
    wrong = issued.with_secret(issued.secret[:-1] + "_")
    assert buy_token(wrong)["error"] == "invalid_client"
    ana.opens(issued.address).sees("billing-api").reads("Working")
    assert issued.secret not in house.logged()


def test_a_disabled_key_ends_red_with_its_cause_and_comes_back_when_enabled(ana):
    issued = issue(ana, "resting")
    finish(ana, "resting")
    ana.opens(issued.address + "disable/").sees("Disable resting").presses("Disable key")
    ana.reads("resting is disabled").sees("resting")
    said = ask_for_test(ana, issued, "resting")
    assert "Disabled" in said
    assert "401 invalid_client" in said
    assert "Enable the key" in said
    expect(ana.page.locator("#run .status-bad")).to_be_visible()
    assert buy_token(issued)["error"] == "invalid_client"

    ana.opens(issued.address).presses("Enable").reads("resting is enabled")
    assert "Works" in ask_for_test(ana, issued, "resting")
    assert "access_token" in buy_token(issued)


def rotated(person: Person, name: str) -> tuple[Issued, Issued]:
    """The old and the new secret of a key, both proven, and buying tokens side by side."""
    old = issue(person, name)
    finish(person, name)
    person.opens(old.address).follows("Rotate secret").sees(f"Rotate {name}")
    person.presses("Make the new secret").sees(f"Secret for {name}")
    new = read_secret(person)
    finish(person, name)
    assert "access_token" in buy_token(old)
    assert "access_token" in buy_token(new)
    return old, new


def test_an_old_secret_is_revoked_by_hand(ana):
    old, new = rotated(ana, "revoking")
    ana.opens(old.address + "?tab=secrets").sees("revoking").follows(f"Revoke secret …{old.hint}")
    ana.sees(f"Revoke secret …{old.hint} of revoking").presses("Revoke secret")
    ana.reads(f"The secret …{old.hint} is revoked.").sees("revoking")
    assert buy_token(old)["error"] == "invalid_client"
    assert "access_token" in buy_token(new)


def test_an_old_secret_is_retired_by_a_worker_and_proven_dead(ana):
    old, new = rotated(ana, "rotating")
    ana.opens(old.address + "rotate/").sees("Rotation of rotating").reads("Both secrets work until")
    ana.follows("Retire now").sees(f"Retire …{old.hint} of rotating now")
    ana.presses("Retire the old secret")
    expect(ana.page.locator("#rotation .lead")).to_contain_text("proven dead")
    ana.sees("Rotation of rotating")
    assert buy_token(old)["error"] == "invalid_client"
    assert "access_token" in buy_token(new)


def test_back_after_confirming_does_not_bring_the_secret_back(ana):
    issued = issue(ana, "back")
    ana.presses("Finish and test").reads("Tick the box first")
    finish(ana, "back")
    ana.expecting(410).page.go_back()
    ana.sees("This secret cannot be shown again")
    assert issued.secret not in ana.page.content()


def test_a_viewer_has_no_button_for_a_new_key_and_is_refused_at_its_address(
    chromium, house, ana, vera
):
    issued = issue(ana, "seen")
    with somebody(chromium, house.url, storage_state=vera) as viewer:
        viewer.opens(DEVELOPMENT).sees("Development").reads("seen")
        expect(viewer.page.get_by_role("link", name="New key")).to_have_count(0)
        viewer.expecting(403).opens(f"{DEVELOPMENT}keys/new/").sees("You cannot do this")
        viewer.opens(issued.address).sees("seen")
        expect(viewer.page.get_by_role("button", name="Test now")).to_have_count(0)
    ana.opens(f"{ACME}log/").sees("Log").reads("Refused")


def test_a_stranger_is_told_that_nothing_is_there(chromium, house, vera):
    with somebody(chromium, house.url, storage_state=vera) as founder:
        founder.opens("/o/new/").sees("New organization")
        founder.fills({"Name": "Elsewhere"}).presses("Create organization").is_at("/o/elsewhere/")
        link = invite(founder, "stan@elsewhere.example", "/o/elsewhere/")
    stan = newcomer(chromium, house, "Stan", link)
    with somebody(chromium, house.url, storage_state=stan) as stranger:
        for address in (ACME, DEVELOPMENT, f"{DEVELOPMENT}keys/new/"):
            stranger.expecting(404).opens(address).sees("There is nothing at this address")


def test_a_lead_issues_for_the_own_team_where_the_team_may(chromium, house, leo):
    with somebody(chromium, house.url, storage_state=leo) as lead:
        issued = issue(lead, "refunds")
        finish(lead, "refunds")
        assert whoami(issued, buy_token(issued)["access_token"])["team"] == "payments"
        lead.opens("/o/acme/e/staging/").sees("Staging").reads("till")
        expect(lead.page.get_by_role("link", name="New key")).to_have_count(0)
        lead.expecting(403).opens("/o/acme/e/staging/keys/new/").sees("You cannot do this")
        lead.expecting(404).opens("/o/acme/e/production/").sees("There is nothing")


def test_signing_in_and_making_a_key_takes_no_mouse(chromium, house, founded):
    with somebody(chromium, house.url) as ana:
        ana.opens("/").sees("Sign in").tabs_to("textbox", "Email").strikes(*ANA)
        ana.tabs_to("textbox", "Password").strikes(*PASSWORD, "Enter").is_at(ACME)
        ana.tabs_to("link", "Development").strikes("Enter").is_at(DEVELOPMENT)
        ana.tabs_to("link", "New key").strikes("Enter").sees("New key")
        ana.tabs_to("textbox", "Name").strikes(*"by-hand")
        ana.tabs_to("radio", RECOMMENDED).strikes("ArrowDown")
        ana.tabs_to("button", "Create key").strikes("Enter").sees("Secret for by-hand")
        ana.tabs_to("button", "Show").strikes("Space")
        expect(ana.page.locator("#secret-text")).to_be_visible()
        ana.tabs_to("checkbox", STORED).strikes("Space")
        ana.tabs_to("button", "Finish and test").strikes("Enter")
        proven(ana, "by-hand")


def test_without_script_a_key_is_made_seen_and_proven(chromium, house, founded):
    with somebody(chromium, house.url, storage_state=founded, script=False) as ana:
        issued = issue(ana, "plain")
        shown = ana.page.locator("details code")
        expect(shown).to_be_hidden()
        ana.page.locator("summary", has_text="Show").click()
        expect(shown).to_be_visible()
        expect(shown).to_have_text(issued.secret)
        ana.ticks(STORED).presses("Finish and test").sees("Test of plain")
        until(lambda: refreshed(ana).get_by_text("first token in").count())
        assert list(stages(ana.sees("Test of plain"))) == STAGES


def refreshed(person: Person) -> Page:
    """The page after its link "Refresh", which it offers until there is a result."""
    link = person.page.get_by_role("link", name="Refresh")
    if link.count():
        with person.page.expect_navigation():
            link.click()
    return person.page


def test_a_private_key_is_shown_to_fit_without_being_sent(ana, tmp_path):
    pair = jwk.ECKey.generate_key("P-384", {"kid": "spring"})
    file = tmp_path / "private.jwk.json"
    file.write_text(json.dumps(pair.as_dict(private=True)))
    ana.opens(DEVELOPMENT).follows("New key").sees("New key")
    ana.fills({"Name": "signs"}).presses("Create key").sees("signs")
    ana.follows("Add public key").sees("Add a public key to signs")
    ana.fills({"Public key": json.dumps(pair.as_dict(private=False))})
    ana.presses("Add public key").sees("signs").follows("Test public key spring")
    ana.sees("Does your private key fit?")
    ana.page.get_by_label("Private key, PEM or JWK").set_input_files(file)
    expect(ana.page.get_by_role("status").filter(has_text="Signed.")).to_be_visible()
    sent = ana.page.get_by_label("Assertion", exact=True).input_value()
    assert pair.as_dict(private=True)["d"] not in sent
    ana.presses("Try it").sees("Test of a public key of signs")
    expect(ana.page.locator("main")).to_contain_text("The private key belongs to this public key")
