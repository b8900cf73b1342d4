"""What people paste to prove a key by signature."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from environments.models import Environment
from keys.forms.keys import EXPIRY, AnyEnd, Line, choice_field
from keys.models import PublicKey
from keys.public_keys import ALGORITHMS, BadPublicKey, CheckedKey, PrivatePasted, read_public_keys

_QUIET = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
LONGEST = 400_000


class PublicEnd(AnyEnd):
    """When public keys end: never, unless the environment's policy wants an end."""

    def __init__(self, place: Environment, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ends = choice_field(self, "expiry")
        ends.initial = "none"
        if place.expiry_required:
            ends.choices = [(value, words) for value, words in EXPIRY if value != "none"]
            ends.initial = "90"
            ends.help_text = f"Every key in {place.name} must expire."

    def ends(self) -> datetime | None:
        return self.expires_at(timezone.now())


class PublicKeyForm(PublicEnd):
    """One public key or a key set. What was private is never written back into the page."""

    entered = forms.CharField(
        label="Public key",
        max_length=LONGEST,
        help_text="A PEM, a certificate, a JWK or a key set (JWKS). Public halves only.",
        widget=forms.Textarea(attrs=_QUIET | {"rows": 8, "class": "mono", "data-public": ""}),
    )
    kid = Line(
        label="Key ID (kid)",
        max_length=200,
        required=False,
        help_text="What the client sends to say which key signed. Empty: the one of the JWK, else the fingerprint.",
        widget=forms.TextInput(attrs=_QUIET | {"class": "mono"}),
    )
    algorithm = forms.ChoiceField(
        label="Algorithm",
        required=False,
        choices=[("", "What the key says, else the usual one"), *((a, a) for a in ALGORITHMS)],
        help_text="A public key is for one algorithm alone. Usual are RS384, ES256, ES384 and EdDSA.",
    )
    origin = forms.ChoiceField(
        required=False,
        choices=[
            (each.value, each.label) for each in (PublicKey.Origin.PASTED, PublicKey.Origin.BROWSER)
        ],
        widget=forms.HiddenInput(attrs={"data-origin": ""}),
    )
    field_order = ["entered", "kid", "algorithm", "expiry", "ends_at", "origin"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "entered" in cleaned and "kid" in cleaned and "algorithm" in cleaned:
            self._read(cleaned)
        return cleaned

    def _read(self, cleaned: dict[str, Any]) -> None:
        try:
            cleaned["keys"] = read_public_keys(
                cleaned["entered"],
                now=timezone.now(),
                algorithm=cleaned["algorithm"],
                kid=cleaned["kid"].strip(),
            )
        except PrivatePasted as refusal:
            self._forget()
            self.add_error("entered", str(refusal))
        except BadPublicKey as refusal:
            self.add_error("entered", str(refusal))

    def _forget(self) -> None:
        self.data = {**self.data.dict(), "entered": ""}  # type: ignore[attr-defined]  # a QueryDict

    @property
    def keys(self) -> tuple[CheckedKey, ...]:
        found: tuple[CheckedKey, ...] = self.cleaned_data["keys"]
        return found

    @property
    def made_in(self) -> PublicKey.Origin:
        return PublicKey.Origin(self.cleaned_data["origin"] or PublicKey.Origin.PASTED)
