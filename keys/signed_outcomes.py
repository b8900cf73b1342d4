"""How the try of a signed assertion can end: a closed list, each with what it means and what to do. Plain Python."""

from enum import StrEnum

from keys.meanings import Meaning


class SignedOutcome(StrEnum):
    PROVEN = "proven"
    OTHER_KEY = "other_key"
    NOT_FIT = "not_fit"
    NO_TOKEN = "no_token"  # noqa: S105
    NOT_JUDGED = "not_judged"
    GAVE_UP = "gave_up"

    @property
    def tone(self) -> str:
        return {"proven": "ok", "other_key": "bad"}.get(self, "warn")

    @property
    def words(self) -> Meaning:
        return _FOUND[self]


_FOUND = {
    "proven": Meaning(
        "The private key belongs to this public key",
        "The token service accepted the assertion and gave a token. A try like this is no use by a client.",
        "",
    ),
    "other_key": Meaning(
        "Signed with another private key",
        "The signature does not fit this public key, or the key is not known to this token service.",
        "Sign with the private half of this very pair. Compare the fingerprint, the kid and the environment.",
    ),
    "not_fit": Meaning(
        "Assertion not accepted",
        "The token service says what is wrong with it: its shape, its audience, its time, or that it was used before.",
        "Make a new one as “Use it” shows, with the issuer as audience and a new jti, and try again.",
    ),
    "no_token": Meaning(
        "The signature is right, but no token is given",
        "The private key belongs to this public key. The key itself is disabled, or has ended.",
        "Enable the key, or add another public key.",
    ),
    "not_judged": Meaning(
        "Not judged",
        "Our worker did not get an answer that says anything about the signature.",
        "Try again with a new assertion. If it stays, look at the worker and at the token service.",
    ),
    "gave_up": Meaning(
        "Our worker gave up",
        "The try was begun and never finished; an assertion is sent only once.",
        "Look at the worker's log, then try again with a new assertion.",
    ),
}
