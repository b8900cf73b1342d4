"""What somebody pastes as a public key, read at one moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as forms

from keys.public_keys import BadPublicKey, read_public_keys

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
YESTERDAY = NOW - timedelta(days=1)


def read(text: str, algorithm: str = "", kid: str = ""):
    return read_public_keys(text, now=NOW, algorithm=algorithm, kid=kid)


def one(text: str, algorithm: str = "", kid: str = ""):
    (found,) = read(text, algorithm, kid)
    return found


def refusal(text: str, algorithm: str = "", kid: str = "") -> str:
    with pytest.raises(BadPublicKey) as raised:
        read(text, algorithm, kid)
    assert raised.value.__cause__ is None
    return str(raised.value)


def pem_of(made: Any) -> str:
    return made.public_bytes(forms.Encoding.PEM).decode()
