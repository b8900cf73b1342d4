"""Why no reply came, told apart by what the system said; used by the one door alone."""

import http.client
import socket
import ssl
from enum import StrEnum


class Cause(StrEnum):
    """Each is provoked by a real server in the tests."""

    NAME_NOT_FOUND = "name_not_found"
    NAME_FAILED = "name_failed"
    RESOLVERS_BUSY = "resolvers_busy"
    REFUSED = "refused"
    NO_ROUTE = "no_route"
    CLOSED = "closed"
    TIMEOUT = "timeout"
    TLS_EXPIRED = "tls_expired"
    TLS_WRONG_HOST = "tls_wrong_host"
    TLS_UNKNOWN_ISSUER = "tls_unknown_issuer"
    TLS_FAILED = "tls_failed"
    NOT_HTTP = "not_http"
    TOO_LARGE = "too_large"


class Unreachable(Exception):
    """No usable reply: at which stage it ended, and why."""

    def __init__(self, stage: str, cause: Cause, detail: str = "") -> None:
        super().__init__(f"{stage}: {cause}")
        self.stage, self.cause, self.detail = stage, cause, detail


class Forbidden(Exception):
    """The door does not go there; nothing was sent."""


class Ended(Exception):
    """A stage ended for a reason that no library's exception carries."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause)
        self.cause = cause


# OpenSSL's X509_V_ERR numbers, which Python does not name.
_CERTIFICATE_CAUSES = {
    10: Cause.TLS_EXPIRED,
    18: Cause.TLS_UNKNOWN_ISSUER,
    19: Cause.TLS_UNKNOWN_ISSUER,
    20: Cause.TLS_UNKNOWN_ISSUER,
    21: Cause.TLS_UNKNOWN_ISSUER,
    62: Cause.TLS_WRONG_HOST,
    64: Cause.TLS_WRONG_HOST,
}

# The first that fits: a closed connection is an OSError too, and a cut-off answer an HTTPException.
_CAUSES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Cause], ...] = (
    (TimeoutError, Cause.TIMEOUT),
    (ssl.SSLError, Cause.TLS_FAILED),
    (ConnectionRefusedError, Cause.REFUSED),
    ((ConnectionError, http.client.IncompleteRead), Cause.CLOSED),
    (http.client.HTTPException, Cause.NOT_HTTP),
    (UnicodeError, Cause.NAME_NOT_FOUND),
    (OSError, Cause.NO_ROUTE),
)
_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


def cause_of(error: Exception) -> Cause:
    """What an exception of the socket, TLS or HTTP layer means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE_CAUSES.get(error.verify_code, Cause.TLS_FAILED)
    if isinstance(error, socket.gaierror):
        return Cause.NAME_NOT_FOUND if error.errno in _NO_SUCH_NAME else Cause.NAME_FAILED
    return next(cause for kind, cause in _CAUSES if isinstance(error, kind))


def reason_of(error: Exception) -> str:
    """The system's own words, for those who know them; never anything that the other side sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    if isinstance(error, ssl.SSLError):
        return str(error.reason or "").replace("_", " ").lower()
    return str(error.strerror or "") if isinstance(error, OSError) else ""
