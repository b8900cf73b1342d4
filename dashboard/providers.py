"""The provider of single sign-on, as owners set it. Its secret goes in and is never shown."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from dashboard import oidc, seeds
from dashboard.flow import callback_address, purpose_of
from environments.access import OrgScope
from environments.forms import Line
from environments.guard import SignedInRequest, in_organization
from environments.models import IdentityProvider
from environments.outside import BadPlace, check_place
from environments.policy import OrgAction
from environments.reauth import fresh_sign_in
from environments.services.identities import NewProvider, remove_provider, set_provider


class ProviderForm(forms.Form):
    name = Line(label="Name", max_length=60, help_text="What people read on the button: Acme Okta.")
    issuer = forms.CharField(
        label="Issuer",
        max_length=500,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="As the provider writes it, to the last slash: https://acme.okta.example",
    )
    client_id = Line(
        label="Client ID",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    secret = forms.CharField(
        label="Client secret",
        max_length=500,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="It is sealed at once and never shown.",
    )

    def __init__(self, *args: Any, held: IdentityProvider | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.held = held
        if held:
            self.fields[
                "secret"
            ].help_text = "Empty: the one that is kept, if issuer and client ID stay."

    def clean_issuer(self) -> str:
        issuer = str(self.cleaned_data["issuer"])
        try:
            check_place(issuer)
            oidc.discover(issuer)
        except (BadPlace, oidc.ProviderFault) as fault:
            raise forms.ValidationError(str(fault)) from None
        return issuer

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        held = self.held
        same = held and (held.issuer, held.client_id) == (
            cleaned.get("issuer"),
            cleaned.get("client_id"),
        )
        if not cleaned.get("secret") and not same and not self.errors:
            self.add_error("secret", "Enter the secret of this client.")
        return cleaned


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.MANAGE_SIGN_ON)
@fresh_sign_in
def provider(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    held = IdentityProvider.objects.within(scope).first()
    shown = {"name": held.name, "issuer": held.issuer, "client_id": held.client_id} if held else {}
    form = ProviderForm(request.POST or None, initial=shown, held=held)
    if request.method == "POST" and form.is_valid():
        set_provider(scope, _new(scope, form.cleaned_data, held))
        messages.success(
            request, "Saved. Members link their account under Account, Single sign-on."
        )
        return redirect("provider", scope.organization.slug)
    facts = {
        "form": form,
        "held": held,
        "organization": scope.organization,
        "callback": callback_address(scope.organization.slug),
        "linked": scope.organization.identities.count(),
    }
    status = 422 if form.is_bound else 200
    return render(request, "environments/provider.html", facts, status=status)


def _new(scope: OrgScope, said: dict[str, Any], held: IdentityProvider | None) -> NewProvider:
    row = IdentityProvider(
        organization=scope.organization, issuer=said["issuer"], client_id=said["client_id"]
    )
    if said["secret"] or held is None:
        sealed = seeds.seal(said["secret"], purpose_of(row))
    else:
        sealed = held.sealed_secret
    return NewProvider(said["name"], row.issuer, row.client_id, sealed)


@require_POST
@in_organization(OrgAction.MANAGE_SIGN_ON)
@fresh_sign_in
def remove(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    if IdentityProvider.objects.within(scope).exists():
        remove_provider(scope)
        messages.success(request, "Removed. Whoever came by it is signed out.")
    return redirect("provider", scope.organization.slug)
