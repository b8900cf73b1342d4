"""How pages look in this browser, as its person chose: kept in cookies, so that the server renders it and nothing flashes."""

from collections.abc import Mapping
from contextvars import ContextVar

CHOICES: Mapping[str, Mapping[str, str]] = {
    "contrast": {"usual": "As the system says", "more": "More"},
    "density": {"comfortable": "Comfortable", "compact": "Compact, for a mouse"},
    "dates": {"words": "25 Nov 2026", "numbers": "2026-11-25"},
}
"""For each cookie its values, the usual one first, with what a person reads."""

numbers: ContextVar[bool] = ContextVar("dates_in_numbers", default=False)
"""Whether dates on the page that is being made are written in numbers."""


def of(cookies: Mapping[str, str]) -> dict[str, str]:
    """What was chosen, and the usual where nothing was, or nothing that there is."""
    return {
        name: cookies[name] if cookies.get(name) in values else next(iter(values))
        for name, values in CHOICES.items()
    }
