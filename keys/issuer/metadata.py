"""Discovery and key-set documents: what a client library looks up before its first token."""

from datetime import UTC, datetime

from environments.models import Environment
from keys.issuer.assertion import ALGORITHMS
from keys.issuer.clients import Place, issuer_url
from keys.issuer.refusals import NotFound
from keys.issuer.signing import first_key, public_keys


def discovery(issuer_id: str) -> dict[str, object]:
    """RFC 8414. The last three are what OpenID readers insist on; nobody signs in here."""
    environment = environment_of(issuer_id)
    issuer = issuer_url(issuer_id)
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks.json",
        "scopes_supported": environment.scopes,
        "grant_types_supported": ["client_credentials"],
        "introspection_endpoint": f"{issuer}/introspect",
        "revocation_endpoint": f"{issuer}/revoke",
        **_ways_to_prove("token"),
        **_ways_to_prove("introspection"),
        **_ways_to_prove("revocation"),
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [environment.signing_algorithm],
    }


def _ways_to_prove(endpoint: str) -> dict[str, object]:
    return {
        f"{endpoint}_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ],
        f"{endpoint}_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
    }


def key_set(issuer_id: str) -> dict[str, object]:
    """Never empty: a reader may keep it for minutes, and the first token must verify with it."""
    environment = environment_of(issuer_id)
    keys = public_keys(environment.pk, datetime.now(UTC))
    return {"keys": keys or [first_key(place_of(environment)).public_jwk]}


def environment_of(issuer_id: str) -> Environment:
    try:
        return Environment.objects.get(issuer_id=issuer_id, archived_at=None)
    except Environment.DoesNotExist:
        raise NotFound("There is no environment at this address.") from None


def place_of(environment: Environment) -> Place:
    return Place(
        environment.pk,
        environment.organization_id,
        environment.issuer_id,
        environment.kind,
        environment.audience,
        kid=None,
    )
