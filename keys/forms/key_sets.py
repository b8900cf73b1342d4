"""What people type about the address of a key's public keys."""

from django import forms

from environments.forms import OutsideAddress
from keys.forms.public_keys import PublicEnd
from keys.public_keys import ALGORITHMS
from keys.services.key_sets import NewKeySet


class KeySetForm(PublicEnd):
    """A JWKS URL, and what is said of the keys that will be found there."""

    url = OutsideAddress(
        label="Address of the key set",
        help_text="https://…/jwks.json, where the people who run the client publish its public keys.",
    )
    algorithm = forms.ChoiceField(
        label="Algorithm",
        required=False,
        choices=[("", "The usual one of their kind"), *((a, a) for a in ALGORITHMS)],
        help_text="For keys of the set that name none. Usual are RS384, ES256, ES384 and EdDSA.",
    )
    field_order = ["url", "algorithm", "expiry", "ends_at"]

    @property
    def key_set(self) -> NewKeySet:
        return NewKeySet(self.cleaned_data["url"], self.cleaned_data["algorithm"], self.ends())


class RemoveKeySetForm(forms.Form):
    end_keys = forms.BooleanField(
        label="End the public keys that were found there, too",
        required=False,
        help_text="At once and for good. Otherwise they stay until somebody removes them.",
    )
