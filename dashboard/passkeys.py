"""allauth's form for a new passkey, in the words of this site."""

from typing import Any

from allauth.mfa.webauthn.forms import AddWebAuthnForm


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["name"] = "Passkey"
        self.fields["name"].help_text = "The device or the security key: Work laptop."
        alone = self.fields["passwordless"]
        alone.label = "Sign in with it alone, without the password"
        alone.help_text = (
            "The device then asks for your finger, face or PIN. Else it is a second step."
        )
        alone.initial = True
