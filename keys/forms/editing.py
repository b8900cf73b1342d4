"""What is typed about a key that exists."""

from typing import Any

from django import forms

from keys.forms.keys import Described
from keys.models import Key
from keys.services.keeping import DOORS, SWITCHES


class EditForm(Described):
    """What a key is for, and what its clients may do beyond the usual rules of the token service."""

    takes_token_url = forms.BooleanField(
        label="Assertions may name the token endpoint as their audience",
        required=False,
        help_text="For older clients. Newer ones send the issuer.",
    )
    redox_door = forms.BooleanField(
        label="Open the Redox door",
        required=False,
        help_text="POST /v2/auth/token, by signed assertion; exp, jti and aud may be missing.",
    )
    legacy_door = forms.BooleanField(
        label="Open the legacy door",
        required=False,
        help_text="POST /auth/authenticate and /auth/refreshToken, by API key and secret. Refresh tokens live a day.",
    )

    def __init__(self, key: Key, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hidden = set(SWITCHES) if key.imported else set()
        if not key.environment.redox_doors:
            hidden |= {name for name in DOORS if not getattr(key, name)}
        for name in hidden:
            del self.fields[name]
