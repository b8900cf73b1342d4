"""A token of ours, shown back to us → what it proves at this moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from keys.issuer.clients import issuer_url
from keys.issuer.metadata import environment_of
from keys.issuer.refusals import InvalidToken
from keys.issuer.requests import Request
from keys.issuer.signing import public_keys
from keys.models import PUBLIC_KEY, PublicKey, RevokedToken, Secret

TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 (RFC 9068, 2.1)


@dataclass(frozen=True, slots=True)
class Verified:
    """A token whose signature, issuer and age have been checked."""

    claims: Mapping[str, Any]
    expires_at: datetime

    @classmethod
    def check(cls, text: str, issuer_id: str, now: datetime) -> Self:
        environment = environment_of(issuer_id)
        claims = _claims(text, public_keys(environment.pk, now))
        if claims["iss"] != issuer_url(issuer_id):
            raise InvalidToken("This token was issued for another environment.")
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        if expires_at <= now:
            raise InvalidToken(f"This token expired at {stamp(expires_at)}. Fetch a new one.")
        return cls(claims, expires_at)

    @property
    def client_id(self) -> str:
        return str(self.claims["client_id"])

    def standing(self, issuer_id: str) -> Secret | PublicKey:
        """What bought it, as it is at this moment; a token whose key, proof or self was ended proves nothing."""
        proof = _proof_of(self, issuer_id)
        trouble = _trouble(proof) or self._given_back()
        if proof is None or trouble:
            refusal = InvalidToken(f"The token was good, but {trouble}.", reason=trouble)
            refusal.client_id = self.client_id
            raise refusal
        return proof

    def _given_back(self) -> str:
        given = RevokedToken.objects.filter(jti=self.claims["jti"]).exists()
        return "it was revoked" if given else ""


def whoami(request: Request, issuer_id: str) -> dict[str, object]:
    """Echoes what the token proves; a disabled key or a revoked secret proves nothing at once."""
    token = Verified.check(_shown(request.authorization), issuer_id, datetime.now(UTC))
    proof = token.standing(issuer_id)
    key = proof.key
    return {
        "client_id": key.client_id,
        "organization": key.environment.organization.slug,
        "environment": key.environment.slug,
        "kind": key.environment.kind,
        "team": key.team.slug if key.team else None,
        "scope": token.claims["scope"],
        "proof": proof.public_id,
        "issuer": issuer_url(issuer_id),
        "expires_at": stamp(token.expires_at),
    }


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(header: str) -> str:
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise InvalidToken(
            "Send a token of this environment: Authorization: Bearer and the token.", asked=False
        )
    return text.strip()


class _Listed(JWSRegistry):
    """joserfc warns of EdDSA's old name, by which readers know it."""

    def get_alg(self, name: str) -> Any:
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


def _claims(text: str, keys: list[dict[str, Any]]) -> dict[str, Any]:
    """Whatever we signed has our form, so behind the signature nothing more needs a look."""
    try:
        ours = {key["alg"] for key in keys}
        token = jwt.decode(
            text, KeySet.import_key_set({"keys": keys}), registry=_Listed(algorithms=ours)
        )
    except (JoseError, ValueError, TypeError) as error:
        said = "This is not a token that this environment has signed."
        raise InvalidToken(said, reason=f"{type(error).__name__}") from None
    if token.header.get("typ") != TOKEN_TYPE:
        raise InvalidToken("This is not an access token.")
    return token.claims


def _proof_of(token: Verified, issuer_id: str) -> Secret | PublicKey | None:
    name = token.claims["proof"]
    # The token service's own database role may not read what is sealed.
    rows = (
        PublicKey.objects.all() if name.startswith(PUBLIC_KEY) else Secret.objects.defer("sealed")
    )
    found: Secret | PublicKey | None = (
        rows.select_related("key__team", "key__environment__organization")
        .filter(
            public_id=name, key__client_id=token.client_id, key__environment__issuer_id=issuer_id
        )
        .first()
    )
    return found


def _trouble(proof: Secret | PublicKey | None) -> str:
    if proof is None or proof.key.deleted_at is not None:
        return "its key was deleted"
    if proof.key.disabled_at is not None:
        return "its key is disabled"
    if proof.revoked_at is None:
        return ""
    return "its secret was revoked" if isinstance(proof, Secret) else "its public key was removed"
