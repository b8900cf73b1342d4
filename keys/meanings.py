"""What each word of `outcomes` usually means and what to do about it, grouped by whose fault it is. Plain Python."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    label: str
    meaning: str
    remedy: str
    """What to do; empty when there is nothing to do."""


OF_NOBODY = {
    "works": Meaning(
        "Works", "The token endpoint accepted the key and gave a token that fits.", ""
    ),
    "cancelled": Meaning(
        "Cancelled", "The test was cancelled before it ended. The key was not judged.", ""
    ),
    "ended": Meaning(
        "Secret already ended",
        "The secret was revoked before its test began. The key was not judged.",
        "Test another secret of this key.",
    ),
}

OF_THE_CREDENTIAL = {
    "refused": Meaning(
        "Refused",
        "The server did not accept this secret. Most often the secret was rotated elsewhere or belongs to another "
        "environment.",
        "Compare the client ID and the environment. If both are right, rotate the secret.",
    ),
    "disabled": Meaning(
        "Disabled",
        "The secret is right, but the key is disabled: tokens are refused.",
        "Enable the key to bring it back.",
    ),
    "expired": Meaning(
        "Expired",
        "The secret is right, but its time is over: tokens are refused.",
        "Rotate to bring the key back.",
    ),
    "revoked": Meaning(
        "Revoked",
        "The server knows this secret and says that it was revoked.",
        "Use the key's newer secret, or rotate.",
    ),
    "deleted": Meaning(
        "Deleted",
        "The server says that this key was deleted.",
        "Create a new key; a deleted one does not come back.",
    ),
    "unauthorized_client": Meaning(
        "Not allowed to fetch tokens this way",
        "The server knows the client, but it is not registered for client credentials.",
        "Allow the grant type client_credentials for this client at the provider.",
    ),
    "key_unknown": Meaning(
        "Key not known there",
        "The server knows no public key that fits: it was removed, never saved, or has another key ID (kid).",
        "Register the public half with the provider, and compare its key ID with the one entered here.",
    ),
}

OF_THE_ENDPOINT = {
    "assertion_audience": Meaning(
        "Assertion for another audience",
        "The server expects another audience (aud) in the signed assertion than the one this endpoint's settings name.",
        "Enter the audience that the provider's manual names: its issuer, or its token address.",
    ),
    "algorithm_refused": Meaning(
        "Algorithm not accepted",
        "The server does not take assertions signed with this endpoint's algorithm.",
        "Choose an algorithm that the provider lists, with a private key of its kind.",
    ),
    "clocks_apart": Meaning(
        "Assertion refused for its time",
        "By the server's clock the assertion was too old, or not yet valid. We sign it at the moment of the test.",
        "The stage says how far the clocks are apart, where that could be measured: set the wrong one.",
    ),
    "invalid_scope": Meaning(
        "Scope refused",
        "The server does not give the scope that this endpoint's settings ask for. The secret itself was not refused.",
        "Ask for a scope that the server offers to this client.",
    ),
    "invalid_request": Meaning(
        "Request not understood",
        "The server expected another kind of request, often another method or an extra parameter.",
        "Compare the endpoint's method, audience and scope with the provider's manual.",
    ),
    "unsupported_grant": Meaning(
        "No client credentials here",
        "The server does not offer the grant type client_credentials at this address.",
        "Check that the address is the provider's token endpoint for machines.",
    ),
    "unexplained_refusal": Meaning(
        "Refused without a reason",
        "The answer says no, but not in the words of a token endpoint. Often a proxy or firewall in front answered. "
        "The key itself was not judged.",
        "Look at what the server said, and at whatever stands in front of it.",
    ),
    "rate_limited": Meaning(
        "Too many requests",
        "The server asks for fewer requests. The key itself was not judged.",
        "Wait, then test again. If it returns, lengthen the test interval.",
    ),
    "server_error": Meaning(
        "Server error",
        "The token endpoint failed by its own account. The key itself was not judged.",
        "Test again in a few minutes. If it stays, tell the people who run the endpoint.",
    ),
    "not_found": Meaning(
        "No token endpoint at this address",
        "The server answered, but there is nothing at this path, or it takes no POST.",
        "Check the address of the token endpoint, letter by letter.",
    ),
    "redirect": Meaning(
        "Redirected elsewhere",
        "The server sends us to another address. A secret is never sent along.",
        "Enter the final address as the token endpoint.",
    ),
    "unexpected_status": Meaning(
        "Unexpected status",
        "The answer is neither a token nor an error that a token endpoint may give.",
        "Check the address, and look at what the server said.",
    ),
    "web_page": Meaning(
        "A web page instead of a token",
        "The server answered with HTML: a sign-in page, a maintenance page, or a proxy's own.",
        "Check the address, and whatever stands in front of the server.",
    ),
    "not_json": Meaning(
        "Not an answer in JSON",
        "The answer could not be read as a JSON object.",
        "Check that the address is a token endpoint that answers uncompressed JSON.",
    ),
    "too_large": Meaning(
        "Answer too large",
        "The answer is larger than 64 kB, which no token answer is.",
        "Check that the address is a token endpoint.",
    ),
    "no_token": Meaning(
        "No token in the answer",
        "The server said yes, but its answer has no access_token.",
        "Check that the address is an OAuth 2.0 token endpoint.",
    ),
    "wrong_token_type": Meaning(
        "Another type of token",
        "The token is not of type Bearer, so most clients cannot use it.",
        "Ask the provider for bearer tokens for this client.",
    ),
    "bad_lifetime": Meaning(
        "Lifetime makes no sense",
        "expires_in must be a whole number of seconds above zero.",
        "Tell the people who run the endpoint what it answered.",
    ),
    "token_expired": Meaning(
        "Token already expired",
        "The server gave a token whose time is over. Most often one of the two clocks is wrong.",
        "The stage says how far the clocks are apart: set the wrong one. If they agree, tell the people who run the endpoint.",
    ),
    "wrong_issuer": Meaning(
        "Token of another issuer",
        "The token names another issuer than this endpoint. Most often the address leads to another environment.",
        "Check the address of the endpoint, and LATCHKEY_INTERNAL_URL if it is the built-in one.",
    ),
    "wrong_audience": Meaning(
        "Token for another audience",
        "The token is meant for another API than the one asked for.",
        "Correct the audience in the endpoint's settings, or at the provider.",
    ),
    "scope_narrowed": Meaning(
        "Less scope than asked",
        "The token lacks a scope that was asked for, so some calls will be refused.",
        "Grant the missing scope to this client, or ask for less.",
    ),
    "not_http": Meaning(
        "Not a web server",
        "What answered does not speak HTTP.",
        "Check the port of the token endpoint.",
    ),
}

OF_THE_NETWORK = {
    "name_not_found": Meaning(
        "Name not found",
        "There is no such host name, as far as our worker can see.",
        "Check the spelling. If it is an internal name, check which name servers the worker uses.",
    ),
    "name_failed": Meaning(
        "Names cannot be looked up",
        "The name server did not answer properly. The key itself was not judged.",
        "Check the name servers of the machine that runs the worker.",
    ),
    "connection_refused": Meaning(
        "Connection refused",
        "The machine is there, but nothing listens on this port.",
        "Check the port, and that the server runs.",
    ),
    "no_route": Meaning(
        "No way to the server",
        "Our worker's network does not reach this address.",
        "Check routes and firewalls between the worker and the server.",
    ),
    "connection_closed": Meaning(
        "Connection closed early",
        "The other side hung up before its answer was complete.",
        "Test again. If it stays, look at proxies and firewalls on the way.",
    ),
    "timeout": Meaning(
        "No answer in 10 s",
        "The stage that failed took too long. The key itself was not judged.",
        "Test again. If it stays, look at the server's load and at firewalls that drop silently.",
    ),
    "tls_expired": Meaning(
        "Certificate expired",
        "The server's certificate is past its date, so nothing was sent.",
        "Tell the people who run the server to renew it.",
    ),
    "tls_wrong_host": Meaning(
        "Certificate for another name",
        "The server's certificate does not name this host, so nothing was sent.",
        "Check the host name; if it is right, the server has the wrong certificate.",
    ),
    "tls_unknown_issuer": Meaning(
        "Certificate of an unknown authority",
        "Our worker does not know who signed the server's certificate, so nothing was sent.",
        "For an authority of your own, let SSL_CERT_FILE of the worker name its certificate.",
    ),
    "tls_failed": Meaning(
        "No secure connection",
        "The two sides could not agree on TLS, so nothing was sent.",
        "Check that the port speaks https, with TLS 1.2 or newer.",
    ),
}

OF_THE_WORKER = {
    "forbidden_address": Meaning(
        "Address not allowed",
        "This installation sends nothing there: the address is not public, or not https.",
        "Whoever runs Latchkey can allow it with LATCHKEY_ALLOWED_NETWORKS or LATCHKEY_ALLOWED_URL_PREFIXES.",
    ),
    "cannot_open": Meaning(
        "Secret cannot be opened",
        "Our worker lacks the key that this secret was sealed for. The key itself was not judged.",
        "Whoever runs Latchkey: compare the worker's LATCHKEY_CREDENTIAL_PRIVATE_KEYS with `manage.py keyring`.",
    ),
    "resolvers_busy": Meaning(
        "Our worker is too busy",
        "Too many name look-ups were waiting at once. The key itself was not judged.",
        "Test again in a minute.",
    ),
    "gave_up": Meaning(
        "Our worker gave up",
        "The test was begun three times and never finished. The key itself was not judged.",
        "Look at the worker's log, then test again.",
    ),
}
