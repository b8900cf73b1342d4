"""A certificate stands for its public key, within its time and for what it says it is for."""

import base64
import json
from datetime import timedelta

from cryptography.hazmat.primitives import serialization as forms

from tests.keys.pairs import P256, P384, RSA, certificate, public
from tests.keys.pasted import NOW, YESTERDAY, one, pem_of, refusal


def test_a_certificate_counts_only_in_its_time_and_for_signatures():
    over = certificate(P256, start=NOW - timedelta(days=31))
    ahead = certificate(P256, start=NOW + timedelta(seconds=1))
    encrypts = certificate(RSA, start=YESTERDAY, signs=False)
    assert "has expired" in refusal(pem_of(over))
    assert "not valid yet" in refusal(pem_of(ahead))
    assert "not for signatures" in refusal(pem_of(encrypts))
    assert one(pem_of(certificate(RSA, start=YESTERDAY, signs=True))).kind == "RSA 2048"


def test_a_certificate_inside_a_jwk_is_for_the_key_and_gives_its_end():
    der = certificate(P256, start=YESTERDAY).public_bytes(forms.Encoding.DER)
    chain = [base64.b64encode(der).decode()]
    assert one(json.dumps(public(P256, x5c=chain))).expires_at == NOW + timedelta(days=29)
    assert "another key" in refusal(json.dumps(public(P384, x5c=chain)))


def test_a_chain_of_certificates_is_refused():
    leaf = pem_of(certificate(P256, start=YESTERDAY))
    assert "without its chain" in refusal(leaf + pem_of(certificate(RSA, start=YESTERDAY)))
