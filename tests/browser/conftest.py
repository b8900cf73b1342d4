"""The browser, and one running installation for each file of tests."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, StorageState, sync_playwright

from tests.browser.person import Person, chromium_path, somebody
from tests.browser.steps import ANA, PASSWORD
from tests.installation import Installation, running


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Closed before the tests of other folders run: Playwright's loop goes on as long as it lives."""
    path = chromium_path()
    with sync_playwright() as playwright:
        quiet = ["--disable-quic", "--disable-gpu", "--disable-sync"]
        browser = playwright.chromium.launch(executable_path=path, args=quiet)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def house(chromium, tmp_path_factory, sockets) -> Iterator[Installation]:
    """Web, worker and beat; asked for after the browser, without which nothing need start."""
    with running(tmp_path_factory.mktemp("browser") / "data") as it:
        yield it


@pytest.fixture(scope="module")
def founded(chromium: Browser, house: Installation) -> StorageState:
    """Ana comes by the set-up link, makes her account and names the organization."""
    with somebody(chromium, house.url) as ana:
        ana.opens(house.setup_link).sees("Set up Latchkey")
        ana.fills({"Your name": "Ana", "E-mail address": ANA, "Password": PASSWORD})
        ana.presses("Create account").sees("New organization")
        ana.fills({"Name": "Acme"}).presses("Create organization").sees("No keys yet")
        return ana.page.context.storage_state()


@pytest.fixture
def ana(chromium, house, founded) -> Iterator[Person]:
    allowed = ["clipboard-read", "clipboard-write"]
    with somebody(chromium, house.url, storage_state=founded, permissions=allowed) as person:
        yield person
