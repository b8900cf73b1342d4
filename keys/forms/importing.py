"""What people type about outside endpoints and the credentials that are plugged in there."""

import re
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from environments.access import Scope
from environments.forms import QUIET, OutsideAddress, no_secret
from environments.policy import Action
from keys.crypto import SecretText
from keys.forms.keys import (
    NO_TEAM,
    Described,
    Ending,
    ForTeam,
    Line,
    choice_field,
    teams_for,
    why_rotated,
)
from keys.models import TokenEndpoint
from keys.private_keys import KID
from keys.private_keys import LONGEST as LONGEST_SECRET
from keys.services.endpoints import NewEndpoint
from keys.services.importing import Entered, NewImport

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")  # RFC 6749, 3.3
Method = TokenEndpoint.Method


class WriteOnly(forms.Textarea):
    """A field whose text is never written back into a page."""

    def format_value(self, _value: object) -> None:
        return None


class EndpointForm(forms.Form):
    name = Line(
        max_length=60,
        help_text="The provider, and which of its environments: Redox staging.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    url = OutsideAddress(
        label="Token address",
        help_text="The provider's token endpoint, https://…, letter by letter.",
    )
    auth_method = forms.ChoiceField(  # RFC 7591's token_endpoint_auth_method
        label="How a key proves itself", choices=Method.choices, widget=forms.RadioSelect
    )
    algorithm = forms.ChoiceField(
        label="Algorithm",
        required=False,
        choices=[("", "–"), *TokenEndpoint.Algorithm.choices],
        help_text="For a signed assertion only.",
    )
    audience = Line(
        label="Audience",
        max_length=500,
        required=False,
        help_text="For a signed assertion only: the provider's issuer. Empty: the token address.",
        widget=forms.TextInput(attrs=QUIET | {"class": "mono"}),
    )
    scope = forms.CharField(
        label="Scope",
        max_length=400,
        required=False,
        help_text="What each test asks for, as the provider writes it. Empty: nothing is asked.",
        widget=forms.TextInput(attrs=QUIET | {"class": "mono"}),
    )

    def clean_audience(self) -> str:
        audience: str = self.cleaned_data["audience"]
        if " " in audience:
            raise ValidationError("An audience has no spaces.")
        return audience

    def clean_scope(self) -> str:
        scope: str = self.cleaned_data["scope"]
        if scope and not _SCOPE.fullmatch(scope):
            raise ValidationError("Scopes are plain words with one space between them.")
        return scope

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        method = cleaned.get("auth_method")
        if method == Method.PRIVATE_KEY_JWT:
            self._need(cleaned, "algorithm", "Choose the algorithm that the provider lists.")
        elif method:
            for name in ("algorithm", "audience"):
                self._forbid(cleaned, name, "This is for a signed assertion only. Leave it empty.")
        if method == Method.REDOX_LEGACY:
            self._forbid(cleaned, "scope", "The legacy door knows no scopes. Leave it empty.")
        return cleaned

    def _need(self, cleaned: dict[str, Any], name: str, said: str) -> None:
        if not cleaned.get(name) and name not in self.errors:
            self.add_error(name, said)

    def _forbid(self, cleaned: dict[str, Any], name: str, said: str) -> None:
        if cleaned.get(name):
            self.add_error(name, said)

    @staticmethod
    def showing(held: TokenEndpoint) -> dict[str, Any]:
        said = asdict(NewEndpoint.of(held))
        return {"auth_method": said.pop("method"), **said}

    @property
    def endpoint(self) -> NewEndpoint:
        said = dict(self.cleaned_data)
        return NewEndpoint(method=said.pop("auth_method"), **said)


class SecretField(forms.CharField):
    """What is typed here leaves the form as a SecretText and goes into no page."""

    def __init__(self, **kwargs: Any) -> None:
        widget = WriteOnly(attrs=QUIET | {"rows": 4, "class": "mono"})
        super().__init__(max_length=LONGEST_SECRET, widget=widget, **kwargs)


class WithSecret(forms.Form):
    """The secret or private key, and the key ID that goes with the latter."""

    entered = SecretField(
        label="Secret or private key",
        help_text="The private key as JWK or PEM, without a passphrase. It is sealed for this endpoint; no page shows it again.",
    )
    kid = forms.CharField(
        label="Key ID (kid)",
        max_length=200,
        required=False,
        help_text="For a private key: the name of its public half at the provider, unless the JWK says it.",
        widget=forms.TextInput(attrs=QUIET | {"class": "mono"}),
    )

    def clean_entered(self) -> SecretText:
        return SecretText(self.cleaned_data["entered"])

    def proof(self, expires_at: datetime | None = None) -> Entered:
        said = self.cleaned_data
        return Entered(said["entered"], said.get("kid", ""), expires_at)

    def clean_kid(self) -> str:
        kid: str = self.cleaned_data["kid"]
        if kid and not KID.fullmatch(kid):
            raise ValidationError("A key ID has letters, digits and plain signs only.")
        return kid


class PlugInForm(Ending, ForTeam, Described, WithSecret):
    endpoint = forms.ChoiceField(
        label="Token endpoint", help_text="Where the provider gives tokens for this credential."
    )
    outside_id = Line(
        label="Client ID",
        max_length=200,
        help_text="As the provider gave it: its API key, in Redox's words.",
        widget=forms.TextInput(attrs=QUIET | {"class": "mono"}),
    )

    def __init__(self, scope: Scope, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, place=scope.environment, **kwargs)
        self.endpoints = {
            each.public_id: each for each in TokenEndpoint.objects.within(scope).current()
        }
        choice_field(self, "endpoint").choices = [
            (public_id, f"{each.name} – {each.get_method_display()}")
            for public_id, each in self.endpoints.items()
        ]
        self.teams = {team.slug: team for team in teams_for(scope, Action.CREATE)}
        chosen = [(slug, team.name) for slug, team in self.teams.items()]
        if scope.may(Action.CREATE):
            chosen.insert(0, (NO_TEAM, "No team"))
        choice_field(self, "team").choices = chosen
        self.fields["used_by"].required = scope.environment.production
        self.fields["expiry"].label = "Ends at the provider"
        self.fields[
            "expiry"
        ].help_text += " Its keepers are reminded before; afterwards it is not tested."
        if not scope.environment.expiry_required:
            self.fields["expiry"].initial = "none"

    @property
    def credential(self) -> NewImport:
        said = self.cleaned_data
        described = {name: said[name] for name in ("name", "note", "used_by", "kept_in")}
        return NewImport(
            endpoint=said["endpoint"],
            outside_id=said["outside_id"],
            team=self.team_chosen,
            **described,
        )


class EnterForm(WithSecret):
    """The next secret of an imported key."""

    why = why_rotated()

    def __init__(self, endpoint: TokenEndpoint, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if endpoint.signed:
            self.fields["entered"].label = "New private key"
        else:
            del self.fields["kid"]
            self.fields["entered"].label = "New secret"
            self.fields[
                "entered"
            ].help_text = "It is sealed for this endpoint; no page shows it again."

    def clean_why(self) -> str:
        return no_secret(
            self.cleaned_data["why"], "This looks like a secret. It was not stored; say the reason."
        )
