"""Makes foreign text fit to be kept: nothing of what was sent in secret is in it, in any usual spelling."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from urllib.parse import quote, quote_plus

from keys.crypto import SecretText

LIMIT = 500


class Scrubber:
    """No secret, no control character, short."""

    def __init__(self, client_id: str, secrets: Iterable[SecretText]) -> None:
        self._client_id = client_id
        self._secrets = [each.reveal() for each in secrets]

    def __call__(self, text: str) -> str:
        # No spelling is shorter than the secret itself, and most of what comes back is a word or two.
        if any(len(text) >= len(each) for each in self._secrets):
            for form in self._forms:
                text = text.replace(form, "•••")
        text = re.sub(r"\s+", " ", "".join(each if each.isprintable() else " " for each in text))
        return text.strip()[:LIMIT]

    @cached_property
    def _forms(self) -> list[str]:
        forms = {form for each in self._secrets for form in _spellings(self._client_id, each)}
        return sorted(forms, key=len, reverse=True)


def basic(client_id: str, secret: str) -> str:
    # RFC 6749, appendix B: both are form-encoded before they are joined.
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return base64.b64encode(pair.encode()).decode()


def _spellings(client_id: str, secret: str) -> Iterator[str]:
    yield from (secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret))
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield from (escaped, escaped.replace("/", "\\/"))
    for text in (secret, f"{client_id}:{secret}"):
        encoded = base64.b64encode(text.encode()).decode()
        yield from (encoded, encoded.rstrip("="), encoded.replace("+", "-").replace("/", "_"))
    yield basic(client_id, secret)
    yield from (secret.encode().hex(), secret.encode().hex().upper())
