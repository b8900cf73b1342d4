"""What a page says and offers to send: its text, and its forms, read from the HTML as a browser reads them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

TEXTS = {
    "email": "new@acme.test",
    "password": "four words put together",
    "datetime-local": "2031-05-05T12:00",
}
FORMS_OWN = {"action", "elements", "method", "reset", "submit"}
"""What a script asks a form for (HTMLFormElement); a field of that name answers instead."""


def text_of(response) -> str:
    return " ".join(response.content.decode().split())


@dataclass
class Form:
    """Where it goes, its fields, and what a person who fills what is empty and ticks every box would send."""

    action: str
    method: str
    values: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


@dataclass
class _Select:
    name: str
    chosen: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select: _Select | None = None

    def handle_starttag(self, tag, attrs):
        facts = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(facts.get("action", ""), facts.get("method", "get").lower())
            self.forms.append(self._open)
        elif self._open is None:
            return
        elif tag == "select":
            self._select = _Select(facts["name"])
        elif tag == "option" and self._select:
            chosen = self._select.chosen if "selected" in facts else self._select.others
            chosen.append(facts.get("value", ""))
        elif "name" in facts:
            self._named(self._open, tag, facts)

    def _named(self, form: Form, tag: str, facts: dict[str, str]) -> None:
        kind, name = facts.get("type", "text"), facts["name"]
        assert name not in FORMS_OWN, f"A field named {name} hides the form's own from scripts."
        form.names.add(name)
        if tag == "button":
            # Enter presses the first one; the others are tried by name.
            if name not in dict(form.values):
                form.values.append((name, facts.get("value", "")))
            return
        if kind in {"checkbox", "radio"}:
            if kind == "checkbox" or "checked" in facts:
                form.values.append((name, facts.get("value", "on")))
            return
        usual = TEXTS.get(kind, "pressed twice") if "required" in facts else ""
        form.values.append((name, facts.get("value", "") or usual))

    def handle_endtag(self, tag):
        if tag == "form":
            self._open = None
        elif tag == "select" and self._select and self._open:
            select, self._select = self._select, None
            self._open.names.add(select.name)
            values = select.chosen or select.others[:1]
            self._open.values += [(select.name, value) for value in values]


def forms(html: bytes) -> list[Form]:
    reader = _Reader()
    reader.feed(html.decode())
    return reader.forms
