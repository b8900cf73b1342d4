"""allauth's forms of passkeys: in the words of this site, and hard of hearing for what no browser would send."""

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from allauth.mfa.webauthn.internal.auth import parse_authentication_response
from django import forms
from django.core.exceptions import ValidationError

REFUSED = "Your browser sent no passkey. Try again."


class CredentialField(forms.JSONField):
    """An object, as the browser's script makes it. Python reads no number of 5,000 digits, and no 10,000 brackets."""

    widget = forms.HiddenInput

    def bound_data(self, _data: Any, _initial: Any) -> None:
        """It is made for one challenge: the page gets none back."""

    def prepare_value(self, _value: Any) -> str:
        return ""

    def to_python(self, value: Any) -> Any:
        try:
            found = super().to_python(value)
        except (ValueError, RecursionError):
            raise ValidationError(REFUSED) from None
        if found is not None and not isinstance(found, dict):
            raise ValidationError(REFUSED)
        return found


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    credential = CredentialField()

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


class SecondStepForm(AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    credential = CredentialField()


class SignInForm(LoginWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """Alone it takes a finger or a PIN, whichever page the challenge is from: the one of the second step asks for
    none, and a security key that was found would open its owner's account without their password."""

    credential = CredentialField()

    def clean_credential(self) -> Authenticator:
        sent = parse_authentication_response(self.cleaned_data["credential"])
        if not sent.response.authenticator_data.is_user_verified():
            raise get_adapter().validation_error("incorrect_code")
        return super().clean_credential()


class ConfirmForm(ReauthenticateWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    credential = CredentialField()
