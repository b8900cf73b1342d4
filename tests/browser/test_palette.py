"""Search or jump: Ctrl K, a few letters, Enter."""

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.steps import ACME

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("processes"),
]


def test_a_person_jumps_by_keyboard_and_finds_the_place_first_the_next_time(ana: Person) -> None:
    ana.opens(ACME).strikes("Control+k")
    expect(ana.page.get_by_role("combobox", name="Search or jump")).to_be_focused()
    ana.page.keyboard.type("ana@")
    expect(ana.page.get_by_role("option").first).to_contain_text("Ana")
    # What is open is judged by axe, too.
    ana.is_at(ACME).strikes("Enter").sees("Ana")

    ana.strikes("Control+k")
    expect(ana.page.locator("#palette [aria-selected=true]")).to_contain_text("Ana")
    ana.strikes("ArrowDown", "Enter").is_at(ACME)


def test_escape_closes_it_and_gives_the_focus_back(ana: Person) -> None:
    ana.opens(ACME).tabs_to("link", "Members").strikes("Control+k", "Escape")
    expect(ana.page.get_by_role("dialog")).to_be_hidden()
    expect(ana.page.locator(".side").get_by_role("link", name="Members")).to_be_focused()
