"""Files for Postman: a collection that fetches a token, and an environment with this key's values.

What is secret is an empty variable, which the person fills in; no file of ours ever holds it.
"""

import json
from typing import Any, Final

from keys.signed_snippets import Signer

SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEEP: Final = 'pm.environment.set("access_token", pm.response.json().access_token);'
# Postman's sandbox has the Web Crypto of browsers, and waits for promises.
SIGN: Final = """\
// Signs a new assertion for each request. The variable private_key is a PEM (PKCS#8) or a JWK.
const text = (pm.environment.get("private_key") || "").trim();
if (!text) throw new Error("Fill in the variable private_key of this environment.");
const isJwk = text.startsWith("{");
const raw = (base64) => Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
const base64url = (data) => btoa(String.fromCharCode(...new Uint8Array(data)))
  .replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");
const bytes = (words) => new TextEncoder().encode(words);
const part = (members) => base64url(bytes(JSON.stringify(members)));
const key = await crypto.subtle.importKey(
  isJwk ? "jwk" : "pkcs8",
  isJwk ? { ...JSON.parse(text), alg: undefined } : raw(text.replace(/-----[^-]+-----|\\s/g, "")),
  IMPORTED, false, ["sign"],
);
const client = pm.environment.get("client_id");
const now = Math.floor(Date.now() / 1000);
const header = { alg: pm.environment.get("algorithm"), kid: pm.environment.get("kid") };
const claims = {
  iss: client, sub: client, aud: pm.environment.get("issuer"), jti: crypto.randomUUID(), iat: now, exp: now + 240,
};
const signed = `${part(header)}.${part(claims)}`;
const signature = await crypto.subtle.sign(SIGNED, key, bytes(signed));
pm.variables.set("client_assertion", `${signed}.${base64url(signature)}`);"""


def collection(name: str, signer: Signer | None) -> dict[str, Any]:
    """With a secret, or by signature where there is a signer. Its values stand in the environment file."""
    form = {"grant_type": "client_credentials", "scope": "{{scope}}"}
    events = [_script("test", KEEP)]
    token: dict[str, Any] = {"method": "POST", "url": "{{token_url}}", "header": []}
    if signer is None:
        names = {"username": "{{client_id}}", "password": "{{client_secret}}"}
        token["auth"] = {"type": "basic", "basic": _values(names, "string")}
    else:
        form |= {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": "{{client_assertion}}",
        }
        token["auth"] = {"type": "noauth"}
        events.insert(0, _script("prerequest", signing(signer.algorithm)))
    token["body"] = {"mode": "urlencoded", "urlencoded": _values(form, "text")}
    bearer = {"type": "bearer", "bearer": _values({"token": "{{access_token}}"}, "string")}
    who = {"method": "GET", "url": "{{issuer}}/whoami", "header": [], "auth": bearer}
    return {
        "info": {"name": name, "schema": SCHEMA},
        "item": [
            {"name": "Fetch a token", "event": events, "request": token},
            {"name": "Who am I", "request": who},
        ],
    }


def environment(name: str, facts: dict[str, str], secret: str) -> dict[str, Any]:
    """`secret` is the name of the variable that is left empty for the person."""
    values = [
        {"key": key, "value": value, "type": "default", "enabled": True}
        for key, value in facts.items()
    ]
    hidden = [
        {"key": each, "value": "", "type": "secret", "enabled": True}
        for each in (secret, "access_token")
    ]
    return {"name": name, "values": values + hidden, "_postman_variable_scope": "environment"}


def signing(algorithm: str) -> str:
    """The script for one algorithm (RFC 7518, 3.1; RFC 8037, 3.1)."""
    imported, signed = _parameters(algorithm)
    return SIGN.replace("IMPORTED", json.dumps(imported)).replace("SIGNED", json.dumps(signed))


def _parameters(algorithm: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What Web Crypto wants to import such a key, and to sign with it."""
    family, digits = algorithm[:2], algorithm[2:]
    digest = f"SHA-{digits}"
    if family == "RS":
        return {"name": "RSASSA-PKCS1-v1_5", "hash": digest}, {"name": "RSASSA-PKCS1-v1_5"}
    if family == "PS":
        return {"name": "RSA-PSS", "hash": digest}, {
            "name": "RSA-PSS",
            "saltLength": int(digits) // 8,
        }
    if family == "ES":
        return {"name": "ECDSA", "namedCurve": f"P-{digits}"}, {"name": "ECDSA", "hash": digest}
    return {"name": "Ed25519"}, {"name": "Ed25519"}


def _values(members: dict[str, str], kind: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value, "type": kind} for key, value in members.items()]


def _script(listen: str, text: str) -> dict[str, Any]:
    return {"listen": listen, "script": {"type": "text/javascript", "exec": text.split("\n")}}
