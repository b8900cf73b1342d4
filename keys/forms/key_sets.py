"""What people type about the address of a key's public keys."""

from django import forms
from django.core.exceptions import ValidationError

from environments.outside import LONGEST, BadPlace, check_place
from keys.forms.public_keys import PublicEnd
from keys.public_keys import ALGORITHMS
from keys.services.key_sets import NewKeySet


class KeySetForm(PublicEnd):
    """A JWKS URL, and what is said of the keys that will be found there."""

    url = forms.CharField(
        label="Address of the key set",
        max_length=LONGEST,
        help_text="https://…/jwks.json, where the people who run the client publish its public keys.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "inputmode": "url",
                "class": "mono",
            }
        ),
    )
    algorithm = forms.ChoiceField(
        label="Algorithm",
        required=False,
        choices=[("", "The usual one of their kind"), *((a, a) for a in ALGORITHMS)],
        help_text="For keys of the set that name none. Usual are RS384, ES256, ES384 and EdDSA.",
    )
    field_order = ["url", "algorithm", "expiry", "ends_at"]

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            check_place(url)
        except BadPlace as bad:
            raise ValidationError(str(bad)) from None
        return url

    @property
    def key_set(self) -> NewKeySet:
        return NewKeySet(self.cleaned_data["url"], self.cleaned_data["algorithm"], self.ends())


class RemoveKeySetForm(forms.Form):
    end_keys = forms.BooleanField(
        label="End the public keys that were found there, too",
        required=False,
        help_text="At once and for good. Otherwise they stay until somebody removes them.",
    )
