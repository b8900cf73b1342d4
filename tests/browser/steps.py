"""Acts that take several pages, and the token service as a program meets it."""

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import expect

from tests.browser.person import Person

ACME = "/o/acme/"
DEVELOPMENT = "/o/acme/e/development/"
ANA = "ana@acme.example"
PASSWORD = "seven quiet herons"
RECOMMENDED = (
    "Public key (recommended) You keep the private key. Nothing secret passes through this site."
)
STORED = "I have stored the secret where the service can read it"
STAGES = [
    "Queued",
    "Resolve name",
    "Connect",
    "Send request",
    "Token received",
    "Token checked",
]


@dataclass(frozen=True, slots=True)
class Issued:
    """A key as the secret page has shown it: its secret, and the lines to buy a token with."""

    address: str
    secret: str
    lines: str

    @property
    def hint(self) -> str:
        return self.secret.rpartition("_")[0][-4:]

    def with_secret(self, secret: str) -> "Issued":
        return Issued(self.address, secret, self.lines)


def issue(person: Person, name: str, environment: str = DEVELOPMENT) -> Issued:
    """A new key; the person stays on its secret page."""
    person.opens(environment).follows("New key").sees("New key")
    person.fills({"Name": name}).picks("Secret").presses("Create key").sees(f"Secret for {name}")
    return read_secret(person)


def read_secret(person: Person) -> Issued:
    address = person.path.partition("secret/")[0]
    return Issued(address, person.text_of("#secret-text"), person.text_of("#code-curl"))


def finish(person: Person, name: str) -> None:
    """The secret is stored, the test runs, its result is there."""
    person.ticks(STORED).presses("Finish and test")
    proven(person, name)


def proven(person: Person, name: str) -> None:
    expect(person.page.locator("#run")).to_contain_text("Works – first token in")
    person.sees(f"Test of {name}")


def ask_for_test(person: Person, issued: Issued, name: str) -> str:
    """What the result says, once there is one."""
    person.opens(issued.address).presses("Test now")
    result = person.page.locator("#run .panel", has_text="What it usually means")
    expect(result).to_be_visible()
    person.sees(f"Test of {name}")
    return result.inner_text()


def stages(person: Person) -> dict[str, str]:
    """Each finished stage with its time."""
    steps = person.page.locator(".stepper .step-ok")
    named = steps.locator(".name").evaluate_all("all => all.map(e => e.firstChild.textContent)")
    return dict(zip(named, steps.locator(".took").all_inner_texts(), strict=True))


def buy_token(issued: Issued) -> dict[str, Any]:
    """The lines of the page as a shell runs them, with the secret where they leave room for it."""
    assert "CLIENT_SECRET=…" in issued.lines
    return _shell(issued.lines.replace("CLIENT_SECRET=…", f"CLIENT_SECRET={issued.secret}"))


def whoami(issued: Issued, token: str) -> dict[str, Any]:
    """The second line of the README's tour."""
    url = issued.lines.split()[-1].removesuffix("/token") + "/whoami"
    return _shell(f'curl -sS -H "Authorization: Bearer {token}" {url}')


def _shell(script: str) -> dict[str, Any]:
    done = subprocess.run(
        ["bash", "-euc", script],
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def invite(person: Person, email: str, organization: str = ACME) -> str:
    """The one-time link for an address."""
    person.opens(f"{organization}members/").follows("Invite people").sees("Invite people")
    person.fills({"E-mail addresses": email}).presses("Make one-time links").sees("One-time link")
    return person.text_of("#join-link-1")
