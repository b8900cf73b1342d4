"""How a test can end: a closed list, each with whose fault it is and what to do. Plain Python."""

from enum import StrEnum

from environments.faults import Cause
from keys import meanings


class Fault(StrEnum):
    """Only a fault of the credential marks its key as failing."""

    NONE = "none"
    CREDENTIAL = "credential"
    ENDPOINT = "endpoint"
    NETWORK = "network"
    WORKER = "worker"


class Outcome(StrEnum):
    WORKS = "works"
    CANCELLED = "cancelled"
    ENDED = "ended"
    REFUSED = "refused"
    DISABLED = "disabled"
    EXPIRED = "expired"
    REVOKED = "revoked"
    DELETED = "deleted"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    KEY_UNKNOWN = "key_unknown"
    ASSERTION_AUDIENCE = "assertion_audience"
    ALGORITHM_REFUSED = "algorithm_refused"
    CLOCKS_APART = "clocks_apart"
    INVALID_SCOPE = "invalid_scope"
    INVALID_REQUEST = "invalid_request"
    UNSUPPORTED_GRANT = "unsupported_grant"
    UNEXPLAINED_REFUSAL = "unexplained_refusal"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    NOT_FOUND = "not_found"
    REDIRECT = "redirect"
    UNEXPECTED_STATUS = "unexpected_status"
    WEB_PAGE = "web_page"
    NOT_JSON = "not_json"
    TOO_LARGE = "too_large"
    NO_TOKEN = "no_token"  # noqa: S105
    WRONG_TOKEN_TYPE = "wrong_token_type"  # noqa: S105
    BAD_LIFETIME = "bad_lifetime"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    SCOPE_NARROWED = "scope_narrowed"
    NAME_NOT_FOUND = "name_not_found"
    NAME_FAILED = "name_failed"
    CONNECTION_REFUSED = "connection_refused"
    NO_ROUTE = "no_route"
    CONNECTION_CLOSED = "connection_closed"
    TIMEOUT = "timeout"
    NOT_HTTP = "not_http"
    TLS_EXPIRED = "tls_expired"
    TLS_WRONG_HOST = "tls_wrong_host"
    TLS_UNKNOWN_ISSUER = "tls_unknown_issuer"
    TLS_FAILED = "tls_failed"
    FORBIDDEN_ADDRESS = "forbidden_address"
    CANNOT_OPEN = "cannot_open"
    RESOLVERS_BUSY = "resolvers_busy"
    GAVE_UP = "gave_up"

    @property
    def fault(self) -> Fault:
        return _FOUND[self][0]

    @property
    def label(self) -> str:
        """One line for a list or a heading."""
        return _FOUND[self][1].label

    @property
    def meaning(self) -> str:
        """What it usually means."""
        return _FOUND[self][1].meaning

    @property
    def remedy(self) -> str:
        """What to do; empty when there is nothing to do."""
        return _FOUND[self][1].remedy


_GROUPS = {
    Fault.NONE: meanings.OF_NOBODY,
    Fault.CREDENTIAL: meanings.OF_THE_CREDENTIAL,
    Fault.ENDPOINT: meanings.OF_THE_ENDPOINT,
    Fault.NETWORK: meanings.OF_THE_NETWORK,
    Fault.WORKER: meanings.OF_THE_WORKER,
}
_FOUND = {word: (fault, found) for fault, group in _GROUPS.items() for word, found in group.items()}

OF_CAUSE = {
    Cause.NAME_NOT_FOUND: Outcome.NAME_NOT_FOUND,
    Cause.NAME_FAILED: Outcome.NAME_FAILED,
    Cause.RESOLVERS_BUSY: Outcome.RESOLVERS_BUSY,
    Cause.REFUSED: Outcome.CONNECTION_REFUSED,
    Cause.NO_ROUTE: Outcome.NO_ROUTE,
    Cause.CLOSED: Outcome.CONNECTION_CLOSED,
    Cause.TIMEOUT: Outcome.TIMEOUT,
    Cause.TLS_EXPIRED: Outcome.TLS_EXPIRED,
    Cause.TLS_WRONG_HOST: Outcome.TLS_WRONG_HOST,
    Cause.TLS_UNKNOWN_ISSUER: Outcome.TLS_UNKNOWN_ISSUER,
    Cause.TLS_FAILED: Outcome.TLS_FAILED,
    Cause.NOT_HTTP: Outcome.NOT_HTTP,
    Cause.TOO_LARGE: Outcome.TOO_LARGE,
}
"""Why no reply came, as the one door says it."""
