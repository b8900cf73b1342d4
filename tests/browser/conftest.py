"""The browser, and one running installation for each file of tests."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.person import chromium_path
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
