"""The errors of the token service, explained: what each means and what to do. `error_uri` leads here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    name: str
    status: str
    meaning: str
    remedy: str


CODES = (
    Code(
        "invalid_request",
        "400",
        "The request has not the shape of a token request: a parameter is missing, there twice or too long, "
        "the body is not a form, or the client proved itself in two ways at once.",
        "Send a POST with Content-Type application/x-www-form-urlencoded and grant_type=client_credentials. "
        "Send the client ID and the secret once: in the Authorization header or in the body, never in the address.",
    ),
    Code(
        "invalid_client",
        "401",
        "The client was not accepted. An unknown client ID or kid, a wrong secret and a bad signature get the same "
        "answer on purpose. If the proof was right, the answer names the cause: the key is disabled or deleted, its "
        "secret or public key has expired, or the assertion is for another audience, out of time or used before.",
        "Compare the client ID, the secret or kid, and the environment: each environment has a token endpoint of its "
        "own. If the cause is named, do what the answer says, or open the key's page.",
    ),
    Code(
        "invalid_scope",
        "400",
        "A scope was asked for that the environment does not offer, or that the key does not have.",
        "Leave scope out to get all that the key has, or ask for some of the scopes on the key's page.",
    ),
    Code(
        "unauthorized_client",
        "400",
        "The proof was right, but this door for clients of Redox is not open to the key.",
        "An engineer opens it on the key's page, under Edit, where the environment's policy allows it. Or use the "
        "environment's token endpoint.",
    ),
    Code(
        "invalid_grant",
        "400",
        "The token that was to be revoked belongs to another key.",
        "Revoke it with the key that bought it; or revoke that key's secret on its page.",
    ),
    Code(
        "unsupported_grant_type",
        "400",
        "Only the grant type client_credentials buys a token here.",
        "Send grant_type=client_credentials.",
    ),
    Code(
        "invalid_token",
        "401",
        "The bearer token was not accepted: it is no token of this environment, it is older than five minutes, "
        "or its key or secret no longer lives.",
        "Fetch a new token and send it as Authorization: Bearer …, to the environment that issued it.",
    ),
    Code(
        "too_many_requests",
        "429",
        "Too many requests from this address failed, or the key buys more tokens a minute than it may.",
        "Wait as long as the header Retry-After says. Keep a token until shortly before its five minutes are over; if "
        "requests fail, correct the client ID and its secret or key before you go on.",
    ),
    Code(
        "not_found",
        "404",
        "There is nothing at this address of the token service.",
        "Copy the token endpoint from the key's page.",
    ),
    Code(
        "method_not_allowed",
        "405",
        "The address exists, but not for this HTTP method.",
        "Use POST for the token endpoint, GET for everything else. The header Allow names what is possible.",
    ),
    Code(
        "temporarily_unavailable",
        "503",
        "The token service cannot answer at the moment. Your key was not judged.",
        "Wait as long as the header Retry-After says, then send the same request again.",
    ),
)
