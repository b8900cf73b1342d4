"""What people paste to show that they hold a private key: an assertion that it has signed."""

import json
import re
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from joserfc import jws
from joserfc.errors import JoseError

from keys.crypto import SecretText
from keys.forms.importing import WriteOnly
from keys.models import PublicKey

LONGEST: Final = 8_192
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class AssertionForm(forms.Form):
    """It is worth a token until it was tried, so no page writes it back."""

    assertion = forms.CharField(
        max_length=LONGEST,
        help_text="The client_assertion: three parts with dots between them, good for a few minutes.",
        widget=WriteOnly(
            attrs={
                "rows": 6,
                "class": "mono",
                "autocomplete": "off",
                "spellcheck": "false",
                "data-assertion": "",
            }
        ),
    )

    def __init__(self, held: PublicKey, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.held = held

    def clean_assertion(self) -> SecretText:
        """For this key and this kid: another's would prove nothing of it. The signature is the token service's to judge."""
        text = "".join(self.cleaned_data["assertion"].split())
        if not _SHAPE.fullmatch(text):
            raise ValidationError(
                "This is no signed assertion. If it was a private key, treat it as exposed and make a new pair."
            )
        kid, client_id = _claimed(text)
        if kid != self.held.kid:
            raise ValidationError("The kid in its header is not the one of this public key.")
        if client_id != self.held.key.client_id:
            raise ValidationError("Its sub is not the client ID of this key.")
        return SecretText(text)


def _claimed(text: str) -> tuple[object, object]:
    try:
        found = jws.extract_compact(text.encode())
        claims = json.loads(found.payload)
        header = found.headers()
    except (JoseError, ValueError, TypeError, RecursionError):
        raise ValidationError("Its header or body is not JSON in base64url.") from None
    if not isinstance(claims, dict) or not isinstance(header, dict):
        raise ValidationError("Its header or body is no JSON object.")
    return header.get("kid"), claims.get("sub")
