"""How a test can end: a closed list, each with whose fault it is and what to do. Plain Python."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial


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
        return _MEANINGS[self].fault

    @property
    def label(self) -> str:
        """One line for a list or a heading."""
        return _MEANINGS[self].label

    @property
    def meaning(self) -> str:
        """What it usually means."""
        return _MEANINGS[self].meaning

    @property
    def remedy(self) -> str:
        """What to do; empty when there is nothing to do."""
        return _MEANINGS[self].remedy


@dataclass(frozen=True, slots=True)
class _Meaning:
    fault: Fault
    label: str
    meaning: str
    remedy: str


_none = partial(_Meaning, Fault.NONE, remedy="")
_credential = partial(_Meaning, Fault.CREDENTIAL)
_endpoint = partial(_Meaning, Fault.ENDPOINT)
_network = partial(_Meaning, Fault.NETWORK)
_worker = partial(_Meaning, Fault.WORKER)

_MEANINGS = {
    Outcome.WORKS: _none(
        "Works", "The token endpoint accepted the key and gave a token that fits."
    ),
    Outcome.CANCELLED: _none(
        "Cancelled", "The test was cancelled before it ended. The key was not judged."
    ),
    Outcome.ENDED: _none(
        "Secret already ended",
        "The secret was revoked before its test began. The key was not judged.",
        remedy="Test another secret of this key.",
    ),
    Outcome.REFUSED: _credential(
        "Refused",
        "The server did not accept this secret. Most often the secret was rotated elsewhere or belongs to another "
        "environment.",
        "Compare the client ID and the environment. If both are right, rotate the secret.",
    ),
    Outcome.DISABLED: _credential(
        "Disabled",
        "The secret is right, but the key is disabled: tokens are refused.",
        "Enable the key to bring it back.",
    ),
    Outcome.EXPIRED: _credential(
        "Expired",
        "The secret is right, but its time is over: tokens are refused.",
        "Rotate to bring the key back.",
    ),
    Outcome.REVOKED: _credential(
        "Revoked",
        "The server knows this secret and says that it was revoked.",
        "Use the key's newer secret, or rotate.",
    ),
    Outcome.DELETED: _credential(
        "Deleted",
        "The server says that this key was deleted.",
        "Create a new key; a deleted one does not come back.",
    ),
    Outcome.UNAUTHORIZED_CLIENT: _credential(
        "Not allowed to fetch tokens this way",
        "The server knows the client, but it is not registered for client credentials.",
        "Allow the grant type client_credentials for this client at the provider.",
    ),
    Outcome.KEY_UNKNOWN: _credential(
        "Key not known there",
        "The server knows no public key that fits: it was removed, never saved, or has another key ID (kid).",
        "Register the public half with the provider, and compare its key ID with the one entered here.",
    ),
    Outcome.ASSERTION_AUDIENCE: _endpoint(
        "Assertion for another audience",
        "The server expects another audience (aud) in the signed assertion than the one this endpoint's settings name.",
        "Enter the audience that the provider's manual names: its issuer, or its token address.",
    ),
    Outcome.ALGORITHM_REFUSED: _endpoint(
        "Algorithm not accepted",
        "The server does not take assertions signed with this endpoint's algorithm.",
        "Choose an algorithm that the provider lists, with a private key of its kind.",
    ),
    Outcome.CLOCKS_APART: _endpoint(
        "Assertion refused for its time",
        "By the server's clock the assertion was too old, or not yet valid. We sign it at the moment of the test.",
        "The stage says how far the clocks are apart, where that could be measured: set the wrong one.",
    ),
    Outcome.INVALID_SCOPE: _endpoint(
        "Scope refused",
        "The server does not give the scope that this endpoint's settings ask for. The secret itself was not refused.",
        "Ask for a scope that the server offers to this client.",
    ),
    Outcome.INVALID_REQUEST: _endpoint(
        "Request not understood",
        "The server expected another kind of request, often another method or an extra parameter.",
        "Compare the endpoint's method, audience and scope with the provider's manual.",
    ),
    Outcome.UNSUPPORTED_GRANT: _endpoint(
        "No client credentials here",
        "The server does not offer the grant type client_credentials at this address.",
        "Check that the address is the provider's token endpoint for machines.",
    ),
    Outcome.UNEXPLAINED_REFUSAL: _endpoint(
        "Refused without a reason",
        "The answer says no, but not in the words of a token endpoint. Often a proxy or firewall in front answered. "
        "The key itself was not judged.",
        "Look at what the server said, and at whatever stands in front of it.",
    ),
    Outcome.RATE_LIMITED: _endpoint(
        "Too many requests",
        "The server asks for fewer requests. The key itself was not judged.",
        "Wait, then test again. If it returns, lengthen the test interval.",
    ),
    Outcome.SERVER_ERROR: _endpoint(
        "Server error",
        "The token endpoint failed by its own account. The key itself was not judged.",
        "Test again in a few minutes. If it stays, tell the people who run the endpoint.",
    ),
    Outcome.NOT_FOUND: _endpoint(
        "No token endpoint at this address",
        "The server answered, but there is nothing at this path, or it takes no POST.",
        "Check the address of the token endpoint, letter by letter.",
    ),
    Outcome.REDIRECT: _endpoint(
        "Redirected elsewhere",
        "The server sends us to another address. A secret is never sent along.",
        "Enter the final address as the token endpoint.",
    ),
    Outcome.UNEXPECTED_STATUS: _endpoint(
        "Unexpected status",
        "The answer is neither a token nor an error that a token endpoint may give.",
        "Check the address, and look at what the server said.",
    ),
    Outcome.WEB_PAGE: _endpoint(
        "A web page instead of a token",
        "The server answered with HTML: a sign-in page, a maintenance page, or a proxy's own.",
        "Check the address, and whatever stands in front of the server.",
    ),
    Outcome.NOT_JSON: _endpoint(
        "Not an answer in JSON",
        "The answer could not be read as a JSON object.",
        "Check that the address is a token endpoint that answers uncompressed JSON.",
    ),
    Outcome.TOO_LARGE: _endpoint(
        "Answer too large",
        "The answer is larger than 64 kB, which no token answer is.",
        "Check that the address is a token endpoint.",
    ),
    Outcome.NO_TOKEN: _endpoint(
        "No token in the answer",
        "The server said yes, but its answer has no access_token.",
        "Check that the address is an OAuth 2.0 token endpoint.",
    ),
    Outcome.WRONG_TOKEN_TYPE: _endpoint(
        "Another type of token",
        "The token is not of type Bearer, so most clients cannot use it.",
        "Ask the provider for bearer tokens for this client.",
    ),
    Outcome.BAD_LIFETIME: _endpoint(
        "Lifetime makes no sense",
        "expires_in must be a whole number of seconds above zero.",
        "Tell the people who run the endpoint what it answered.",
    ),
    Outcome.TOKEN_EXPIRED: _endpoint(
        "Token already expired",
        "The server gave a token whose time is over. Most often one of the two clocks is wrong.",
        "The stage says how far the clocks are apart: set the wrong one. If they agree, tell the people who run the endpoint.",
    ),
    Outcome.WRONG_ISSUER: _endpoint(
        "Token of another issuer",
        "The token names another issuer than this endpoint. Most often the address leads to another environment.",
        "Check the address of the endpoint, and LATCHKEY_INTERNAL_URL if it is the built-in one.",
    ),
    Outcome.WRONG_AUDIENCE: _endpoint(
        "Token for another audience",
        "The token is meant for another API than the one asked for.",
        "Correct the audience in the endpoint's settings, or at the provider.",
    ),
    Outcome.SCOPE_NARROWED: _endpoint(
        "Less scope than asked",
        "The token lacks a scope that was asked for, so some calls will be refused.",
        "Grant the missing scope to this client, or ask for less.",
    ),
    Outcome.NAME_NOT_FOUND: _network(
        "Name not found",
        "There is no such host name, as far as our worker can see.",
        "Check the spelling. If it is an internal name, check which name servers the worker uses.",
    ),
    Outcome.NAME_FAILED: _network(
        "Names cannot be looked up",
        "The name server did not answer properly. The key itself was not judged.",
        "Check the name servers of the machine that runs the worker.",
    ),
    Outcome.CONNECTION_REFUSED: _network(
        "Connection refused",
        "The machine is there, but nothing listens on this port.",
        "Check the port, and that the server runs.",
    ),
    Outcome.NO_ROUTE: _network(
        "No way to the server",
        "Our worker's network does not reach this address.",
        "Check routes and firewalls between the worker and the server.",
    ),
    Outcome.CONNECTION_CLOSED: _network(
        "Connection closed early",
        "The other side hung up before its answer was complete.",
        "Test again. If it stays, look at proxies and firewalls on the way.",
    ),
    Outcome.TIMEOUT: _network(
        "No answer in 10 s",
        "The stage that failed took too long. The key itself was not judged.",
        "Test again. If it stays, look at the server's load and at firewalls that drop silently.",
    ),
    Outcome.NOT_HTTP: _endpoint(
        "Not a web server",
        "What answered does not speak HTTP.",
        "Check the port of the token endpoint.",
    ),
    Outcome.TLS_EXPIRED: _network(
        "Certificate expired",
        "The server's certificate is past its date, so nothing was sent.",
        "Tell the people who run the server to renew it.",
    ),
    Outcome.TLS_WRONG_HOST: _network(
        "Certificate for another name",
        "The server's certificate does not name this host, so nothing was sent.",
        "Check the host name; if it is right, the server has the wrong certificate.",
    ),
    Outcome.TLS_UNKNOWN_ISSUER: _network(
        "Certificate of an unknown authority",
        "Our worker does not know who signed the server's certificate, so nothing was sent.",
        "For an authority of your own, let SSL_CERT_FILE of the worker name its certificate.",
    ),
    Outcome.TLS_FAILED: _network(
        "No secure connection",
        "The two sides could not agree on TLS, so nothing was sent.",
        "Check that the port speaks https, with TLS 1.2 or newer.",
    ),
    Outcome.FORBIDDEN_ADDRESS: _worker(
        "Address not allowed",
        "This installation sends nothing there: the address is not public, or not https.",
        "Whoever runs Latchkey can allow it with LATCHKEY_ALLOWED_NETWORKS or LATCHKEY_ALLOWED_URL_PREFIXES.",
    ),
    Outcome.CANNOT_OPEN: _worker(
        "Secret cannot be opened",
        "Our worker lacks the key that this secret was sealed for. The key itself was not judged.",
        "Whoever runs Latchkey: compare the worker's LATCHKEY_CREDENTIAL_PRIVATE_KEYS with `manage.py keyring`.",
    ),
    Outcome.RESOLVERS_BUSY: _worker(
        "Our worker is too busy",
        "Too many name look-ups were waiting at once. The key itself was not judged.",
        "Test again in a minute.",
    ),
    Outcome.GAVE_UP: _worker(
        "Our worker gave up",
        "The test was begun three times and never finished. The key itself was not judged.",
        "Look at the worker's log, then test again.",
    ),
}
