"""Imported keys of the demo. Their provider is this installation's own token service, so that nothing leaves it.

The one with a secret works: at the provider it is another key of the demo. The one with a private key is refused:
the built-in endpoint takes no signed assertions yet, and says so.
"""

import json
from collections.abc import Mapping, Sequence

from django.conf import settings
from joserfc import jwk

from environments.access import Scope
from keys.crypto import SecretText
from keys.models import TokenEndpoint
from keys.services import endpoints, importing
from keys.services.endpoints import NewEndpoint
from keys.services.importing import Entered, NewImport

KID = "demo-1"
Method = TokenEndpoint.Method


def plug_in(here: Scope, issued: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """`issued` are the lines of the keys made before; the first of this environment is the credential used."""
    there = next(line for line in issued if line["environment"] == here.environment.slug)
    client, secret = str(there["client_id"]), str(there["secret"])
    return [_with_secret(here, client, secret), _with_private_key(here)]


def _with_secret(here: Scope, client: str, secret: str) -> dict[str, object]:
    endpoint = _endpoint(here, "Demo provider", Method.BASIC)
    new = _named("partner-gateway", endpoint, client, "Works as long as billing-api does")
    key = importing.plug_in(here, new, Entered(SecretText(secret))).key
    return _line(here, key.client_id, new, "imported_secret") | {"secret": secret}


def _with_private_key(here: Scope) -> dict[str, object]:
    endpoint = _endpoint(here, "Demo provider, signed", Method.PRIVATE_KEY_JWT, "ES384")
    pair = jwk.ECKey.generate_key("P-384", {"kid": KID})
    private = pair.as_dict(private=True)
    new = _named(
        "records-exchange", endpoint, "demo-client", "Refused: its endpoint takes no assertions yet"
    )
    entered = Entered(SecretText(json.dumps(private)), KID)
    key = importing.plug_in(here, new, entered).key
    line = _line(here, key.client_id, new, "imported_private_key_jwt")
    return line | {"private_jwk": private, "kid": KID}


def _endpoint(here: Scope, name: str, method: Method, algorithm: str = "") -> TokenEndpoint:
    url = f"{settings.LATCHKEY_INTERNAL_URL.rstrip('/')}/t/{here.environment.issuer_id}/token"
    return endpoints.add_endpoint(here, NewEndpoint(name, url, method, algorithm))


def _named(name: str, endpoint: TokenEndpoint, client: str, note: str) -> NewImport:
    return NewImport(name, endpoint.public_id, client, None, note, "Demo", "Demo vault")


def _line(here: Scope, client_id: str, new: NewImport, method: str) -> dict[str, object]:
    return {
        "client_id": client_id,
        "name": new.name,
        "environment": here.environment.slug,
        "team": None,
        "method": method,
    }
