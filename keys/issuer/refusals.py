"""What the token service answers instead of what was asked: each refusal with its wire name."""

import json
from typing import ClassVar

from django.conf import settings

type Header = tuple[str, str]


class Refusal(Exception):
    """A refusal that a client may see. `reason` and `client_id` are for the log alone."""

    code: ClassVar[str]
    status: ClassVar[str]

    def __init__(
        self, description: str, *, reason: str = "", headers: tuple[Header, ...] = ()
    ) -> None:
        super().__init__(description)
        self.description = description
        self.reason = reason or description
        self.client_id = ""
        self.key: int | None = None
        self.proof = ""
        """Whose use it is counted to: the row of a known client, and what proved it."""
        self.headers = headers
        self.plain = False
        """In plain text, as the legacy door always answered."""

    @property
    def content_type(self) -> str:
        return "text/plain; charset=utf-8" if self.plain else "application/json"

    def body(self) -> bytes:
        if self.plain:
            return self.description.encode()
        said = {
            "error": self.code,
            "error_description": self.description,
            "error_uri": f"{settings.LATCHKEY_BASE_URL}/docs/errors#{self.code}",
        }
        return json.dumps(said).encode()


class InvalidRequest(Refusal):
    """Visible without knowing the client, so it is named."""

    code = "invalid_request"
    status = "400 Bad Request"


class LengthRequired(InvalidRequest):
    status = "411 Length Required"


class TooLarge(InvalidRequest):
    status = "413 Content Too Large"


class UnsupportedGrantType(Refusal):
    code = "unsupported_grant_type"
    status = "400 Bad Request"


class InvalidScope(Refusal):
    code = "invalid_scope"
    status = "400 Bad Request"


class UnauthorizedClient(Refusal):
    """Known, but not let in by this door."""

    code = "unauthorized_client"
    status = "400 Bad Request"


class InvalidGrant(Refusal):
    code = "invalid_grant"
    status = "400 Bad Request"


class InvalidClient(Refusal):
    code = "invalid_client"
    status = "401 Unauthorized"

    def __init__(self, description: str, *, reason: str = "") -> None:
        challenge = ("WWW-Authenticate", 'Basic realm="latchkey", charset="UTF-8"')
        super().__init__(description, reason=reason, headers=(challenge,))


class NotProven(InvalidClient):
    """A stranger: an unknown client, or one whose proof is not right. Nobody is told which."""

    def __init__(self, description: str, client_id: str, *, reason: str = "") -> None:
        super().__init__(description, reason=reason)
        self.shown_id = client_id


class TooManyRequests(Refusal):
    """RFC 6585, 4."""

    code = "too_many_requests"
    status = "429 Too Many Requests"

    def __init__(self, description: str, seconds: int, *, reason: str = "") -> None:
        super().__init__(description, reason=reason, headers=(("Retry-After", str(seconds)),))


class InvalidToken(Refusal):
    """RFC 6750, section 3: a request without any token gets a challenge without an error."""

    code = "invalid_token"
    status = "401 Unauthorized"

    def __init__(self, description: str, *, reason: str = "", asked: bool = True) -> None:
        error = f', error="{self.code}", error_description="{description}"' if asked else ""
        challenge = ("WWW-Authenticate", f'Bearer realm="latchkey"{error}')
        super().__init__(description, reason=reason, headers=(challenge,))


class NotFound(Refusal):
    code = "not_found"
    status = "404 Not Found"


class MethodNotAllowed(Refusal):
    code = "method_not_allowed"
    status = "405 Method Not Allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"This address takes {allowed} only.", headers=(("Allow", allowed),))


class Unavailable(Refusal):
    """Nobody's fault but ours; the client asks again."""

    code = "temporarily_unavailable"
    status = "503 Service Unavailable"

    def __init__(self, reason: str) -> None:
        said = "The token service cannot answer just now. Nothing was lost: ask again in a few seconds."
        super().__init__(said, reason=reason, headers=(("Retry-After", "5"),))
