"""A person at a real Chromium: what they do and see, and what must not happen meanwhile."""

import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect

from tests.browser import axe

MOST_TABS = 60
PATIENCE = 30_000  # milliseconds; long, since it is only waited out where something is broken
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
expect.set_options(timeout=PATIENCE)
log = logging.getLogger(__name__)


def chromium_path() -> str:
    """Where a browser is. Without one a developer's run goes on; CI's run must not."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    told = f"No Chromium on PATH (looked for {', '.join(NAMES)}): apt install chromium"
    if os.environ.get("CI") == "true" or os.environ.get("LATCHKEY_TEST_REQUIRE_BOTH"):
        pytest.fail(told)
    pytest.skip(told)


class Person:
    """Every page that is seen is also looked at by axe, and every status of 400 or more must have been announced."""

    def __init__(self, page: Page, base: str, *, script: bool) -> None:
        self.page, self.base, self.script = page, base, script
        self.faults: list[str] = []
        self.announced: list[int] = []
        page.context.on("request", self._asked)
        page.context.on("requestfailed", self._failed)
        page.context.on("response", self._answered)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._blame(f"script: {error}"))

    # What they do

    def opens(self, path: str) -> Self:
        self.page.goto(path if "://" in path else self.base + path)
        return self

    def fills(self, fields: Mapping[str, str]) -> Self:
        """By label: what is typed there, or for a list of choices what is chosen."""
        for label, text in fields.items():
            field = self.page.get_by_label(label, exact=True)
            tag = field.evaluate("field => field.tagName")
            field.select_option(label=text) if tag == "SELECT" else field.fill(text)
        return self

    def ticks(self, label: str) -> Self:
        self.page.get_by_label(label, exact=True).check()
        return self

    def picks(self, card: str) -> Self:
        """One of the cards of a choice, by its heading."""
        self.page.locator("label.card-radio", has=self.page.get_by_text(card, exact=True)).click()
        return self

    def presses(self, button: str) -> Self:
        self.page.locator("main").get_by_role("button", name=button, exact=True).first.click()
        return self

    def follows(self, link: str, within: str = "main") -> Self:
        self.page.locator(within).get_by_role("link", name=link, exact=True).first.click()
        return self

    def tabs_to(self, role: str, name: str) -> Self:
        """By keyboard, as far as it takes."""
        there = self.page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if there.and_(self.page.locator(":focus")).count():
                return self
        raise AssertionError(f"{MOST_TABS} times Tab, and no {role} {name} on {self.path}")

    def strikes(self, *keys: str) -> Self:
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def signs_in(self, email: str, password: str) -> Self:
        self.opens("/accounts/login/").sees("Sign in")
        return self.fills({"Email": email, "Password": password}).presses("Sign in")

    def signs_out(self) -> Self:
        self.page.locator("summary", has_text="Account:").click()
        self.page.get_by_role("button", name="Sign out").click()
        return self

    # What they see

    def sees(self, heading: str) -> Self:
        """The page of this heading, whole; axe has nothing to say about it."""
        expect(self.page.locator("h1")).to_contain_text(heading)
        return self._looked()

    def is_at(self, path: str) -> Self:
        self.page.wait_for_url(self.base + path)
        return self._looked()

    def _looked(self) -> Self:
        self.page.wait_for_load_state("load")
        # axe itself is a script: where none may run, its answer would never come.
        for fault in axe.faults(self.page) if self.script else ():
            self._blame(f"axe on {self.path}: {fault}")
        return self

    def reads(self, text: str) -> Self:
        expect(self.page.locator("body")).to_contain_text(text)
        return self

    def text_of(self, selector: str) -> str:
        return (self.page.locator(selector).text_content() or "").strip()

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def expecting(self, status: int) -> Self:
        """The next page is a refusal, and shall be."""
        self.announced.append(status)
        return self

    # What must not happen

    def _blame(self, fault: str) -> None:
        log.error(fault)  # shown also where the test breaks before its end
        self.faults.append(fault)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.base + "/", "data:", "blob:")):
            self._blame(f"asked another host: {request.url}")

    def _failed(self, request: Request) -> None:
        self._blame(f"{request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status in self.announced:
            self.announced.remove(response.status)
        elif response.status >= 400:
            self._blame(f"{response.request.method} {response.url}: {response.status}")

    def _said(self, message: ConsoleMessage) -> None:
        # Chromium repeats here each status that _answered() judges.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self._blame(f"console: {message.text} ({self.path})")


@contextmanager
def somebody(
    browser: Browser, base: str, *, script: bool = True, **context: Any
) -> Iterator[Person]:
    """In a browser context of their own; at the end nothing may have gone wrong in it."""
    place = browser.new_context(java_script_enabled=script, **context)
    place.set_default_timeout(PATIENCE)
    person = Person(place.new_page(), base, script=script)
    try:
        yield person
    finally:
        place.close()
    assert not person.faults, "\n".join(person.faults)
    assert not person.announced, f"never came: {person.announced}"
