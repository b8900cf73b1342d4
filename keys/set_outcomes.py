"""How the fetching of a key set can end: a closed list, each with what it means and what to do. Plain Python."""

from enum import StrEnum

from keys.meanings import OF_THE_NETWORK, OF_THE_WORKER, Meaning


class SetOutcome(StrEnum):
    """Only READ changes the public keys of a key: whatever else happens, those that were found stay."""

    READ = "read"
    REDIRECT = "redirect"
    NOT_FOUND = "not_found"
    ACCESS_REFUSED = "access_refused"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNEXPECTED_STATUS = "unexpected_status"
    WEB_PAGE = "web_page"
    NOT_A_SET = "not_a_set"
    TOO_LARGE = "too_large"
    PRIVATE = "private"
    NO_USABLE_KEY = "no_usable_key"
    NOT_HTTP = "not_http"
    NAME_NOT_FOUND = "name_not_found"
    NAME_FAILED = "name_failed"
    CONNECTION_REFUSED = "connection_refused"
    NO_ROUTE = "no_route"
    CONNECTION_CLOSED = "connection_closed"
    TIMEOUT = "timeout"
    TLS_EXPIRED = "tls_expired"
    TLS_WRONG_HOST = "tls_wrong_host"
    TLS_UNKNOWN_ISSUER = "tls_unknown_issuer"
    TLS_FAILED = "tls_failed"
    FORBIDDEN_ADDRESS = "forbidden_address"
    RESOLVERS_BUSY = "resolvers_busy"
    GAVE_UP = "gave_up"

    @property
    def label(self) -> str:
        """One line for a list or a heading."""
        return _FOUND[self].label

    @property
    def meaning(self) -> str:
        return _FOUND[self].meaning

    @property
    def remedy(self) -> str:
        """What to do; empty when there is nothing to do."""
        return _FOUND[self].remedy


_CHECK = "Check the address of the key set, letter by letter."
_FOUND = {
    **OF_THE_NETWORK,
    **OF_THE_WORKER,
    "read": Meaning(
        "Key set reachable",
        "The set was read, and its public keys count. Whether a client signs with them shows when they are used.",
        "",
    ),
    "redirect": Meaning(
        "Redirected elsewhere",
        "The server sends us to another address. Who signs for this key is not left to a redirect.",
        "Enter the final address of the key set.",
    ),
    "not_found": Meaning(
        "No key set at this address",
        "The server answered, but there is nothing at this path.",
        _CHECK,
    ),
    "access_refused": Meaning(
        "Access refused",
        "The server wants a sign-in or keeps us out. A key set is public: it is fetched without a password.",
        "Ask the people who run the server to publish the set.",
    ),
    "rate_limited": Meaning(
        "Too many requests",
        "The server asks for fewer requests. We come again later.",
        "Nothing now. If it returns, tell the people who run the server.",
    ),
    "server_error": Meaning(
        "Server error",
        "The server failed by its own account.",
        "If it stays, tell the people who run the server.",
    ),
    "unexpected_status": Meaning(
        "Unexpected status", "The answer is none that a key set has: 200 is expected.", _CHECK
    ),
    "web_page": Meaning(
        "A web page instead of a key set",
        "The server answered with HTML: a sign-in page, a maintenance page, or a proxy's own.",
        "Check the address, and whatever stands in front of the server.",
    ),
    "not_a_set": Meaning(
        "Not a key set",
        "The answer is not strict JSON, holds no list named keys, or its keys cannot be told apart.",
        "Publish a JSON Web Key Set (RFC 7517): uncompressed JSON, one kid for each key.",
    ),
    "too_large": Meaning(
        "Answer too large", "The answer is larger than 64 kB, which no key set here may be.", _CHECK
    ),
    "private": Meaning(
        "A private key stands in the set",
        "Whoever fetched the set has the private key, or a shared secret, that stands in it. Nothing of it was kept.",
        "Take it down, make a new pair, and publish the public half alone.",
    ),
    "no_usable_key": Meaning(
        "No usable public key",
        "The set was read, but none of its keys can prove a client here. A set without a key is taken for a mistake.",
        "Publish a public key that fits. To end those found before, remove them, or the address.",
    ),
    "not_http": Meaning(
        "Not a web server", "What answered does not speak HTTP.", "Check the port of the address."
    ),
    "gave_up": Meaning(
        "Our worker gave up",
        "The set was begun to be fetched three times, and never finished.",
        "Look at the worker's log, then fetch again.",
    ),
}
