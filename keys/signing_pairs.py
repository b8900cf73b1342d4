"""New pairs for an environment's token service to sign with. No Django."""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from joserfc import jwk

from keys.crypto import Context, SecretText

_MAKE: Final[Mapping[str, Callable[[], jwk.ECKey | jwk.RSAKey | jwk.OKPKey]]] = MappingProxyType(
    {
        "ES256": lambda: jwk.ECKey.generate_key("P-256"),
        "RS256": lambda: jwk.RSAKey.generate_key(2048),
        "EdDSA": lambda: jwk.OKPKey.generate_key("Ed25519"),
    }
)


def new_pair(algorithm: str) -> tuple[str, SecretText, dict[str, Any]]:
    """kid (RFC 7638), the private JWK as text, the public JWK as it is published."""
    key = _MAKE[algorithm]()
    kid = key.thumbprint()
    private = SecretText(json.dumps(key.as_dict(private=True)))
    public = {**key.as_dict(private=False), "kid": kid, "alg": algorithm, "use": "sig"}
    return kid, private, public


def context_of(organization: int, environment: int, issuer_id: str, kid: str) -> Context:
    """What the sealed private half is bound to (design part 7)."""
    return Context(organization, environment, "", kid, "signing_key", issuer_id)
