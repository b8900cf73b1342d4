"""What is typed about a key that exists."""

from ipaddress import ip_network
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from keys.forms.keys import Described
from keys.models import Key
from keys.services.keeping import DOORS, SWITCHES

MOST_NETWORKS: Final = 50


class EditForm(Described):
    """What a key is for, and what its clients may do beyond the usual rules of the token service."""

    allowed_networks = forms.CharField(
        label="Addresses that may use it",
        required=False,
        max_length=2000,
        help_text="Ranges like 203.0.113.0/24, with commas or spaces between them. Empty: from anywhere. "
        "Our own tests are not held to it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    tokens_a_minute = forms.IntegerField(
        label="Tokens a minute",
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="In each process of the token service. Empty: any number.",
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
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
        self.initial["allowed_networks"] = ", ".join(key.allowed_networks or [])
        hidden = set(SWITCHES) if key.imported else set()
        if not key.environment.redox_doors:
            hidden |= {name for name in DOORS if not getattr(key, name)}
        for name in hidden:
            del self.fields[name]

    def clean_allowed_networks(self) -> list[str] | None:
        """Each in its one spelling; None: from anywhere."""
        given = self.cleaned_data["allowed_networks"].replace(",", " ").split()
        if len(given) > MOST_NETWORKS:
            raise ValidationError(f"At most {MOST_NETWORKS} ranges.")
        return [_network(each) for each in given] or None


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        pass
    try:
        wide = ip_network(text, strict=False)
    except ValueError:
        raise ValidationError("%(text)s is no address range.", params={"text": text}) from None
    raise ValidationError(
        "%(text)s is an address inside a range. Did you mean %(wide)s?",
        params={"text": text, "wide": str(wide)},
    )
