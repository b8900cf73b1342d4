"""Sessions whose key in the database is only the hash of the cookie.

Inside the process `session_key` is that hash, everywhere, so that nothing (allauth's lists of sessions included) can
store the cookie's value; only the middleware below knows it.
"""

from hashlib import sha256
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.middleware import SessionMiddleware as DjangoMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import get_random_string

from dashboard import seeds
from environments.models import Session
from environments.models.session import AGENT_LENGTH, ONLY
from keys.crypto import CannotOpen

SUSPENDED = "account_reauthentication_state"
SEED = "mfa.totp.secret"
"""A seed that the person has not confirmed yet: in the row it is sealed like the others."""


def digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()[
        :40
    ]  # the column holds 40: 160 bits of a 256-bit secret's hash


class SessionStore(DatabaseStore):
    token: str | None = None
    row: Session | None = None
    address = agent = ""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        """The limits cost no statement of their own: they stand on the row that is read anyway."""
        row: Session | None = super()._get_session_from_db()  # type: ignore[misc]  # private, without types
        now = timezone.now()
        if row is None or row.is_over(now):
            self._session_key = None
            return None
        if row.user_id:
            row.touch(now, self.address, self.agent)
        self.row = row
        return self.row

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """What belongs to the browser goes along; it has begun when this person signed in."""
        new = cast("Session", super().create_model_instance(data))
        new.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        new.organization_id = data.get(ONLY)
        new.address, new.agent = self.address, self.agent
        if self.row and self.row.user_id == new.user_id:
            new.started_at = self.row.started_at
        self.row = new
        return new

    def _get_new_session_key(self) -> str:
        self.token = get_random_string(43)
        return digest(self.token)

    def encode(self, session_dict: dict[str, Any]) -> str:
        # When allauth asks for a password in the middle of a POST, it parks body and cookies here to replay them
        # later: a pasted secret and the cookie itself. Without it the person lands on the page again.
        if "request" in (session_dict.get(SUSPENDED) or ()):
            session_dict = {
                name: value for name, value in session_dict.items() if name != SUSPENDED
            }
        if SEED in session_dict:
            session_dict = {**session_dict, SEED: seeds.seal(session_dict[SEED])}
        return super().encode(session_dict)

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        facts: dict[str, Any] = super().decode(session_data)
        try:
            return {**facts, SEED: seeds.open(facts[SEED])} if SEED in facts else facts
        except (CannotOpen, ValueError):  # sealed with a key that has been retired
            return {name: value for name, value in facts.items() if name != SEED}


def sealed_seed(row: Session) -> str | None:
    """The seed that the person has not confirmed yet, as it rests."""
    facts: dict[str, Any] = DatabaseStore().decode(row.session_data)
    found: str | None = facts.get(SEED)
    return found


def with_seed_renewed(row: Session) -> str:
    """The row's data anew: what is opened and encoded again rests under the newest key."""
    store = SessionStore()
    return store.encode(store.decode(row.session_data))


class SessionMiddleware(DjangoMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        token = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        session = SessionStore(digest(token) if token else None)
        session.token = token
        session.address = str(request.META.get("REMOTE_ADDR") or "")[:45]
        session.agent = request.headers.get("User-Agent", "")[:AGENT_LENGTH]
        request.session = session

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response = super().process_response(request, response)
        cookie = response.cookies.get(settings.SESSION_COOKIE_NAME)
        if cookie and cookie.value and isinstance(request.session, SessionStore):
            response.cookies[settings.SESSION_COOKIE_NAME] = request.session.token or ""
        return response
