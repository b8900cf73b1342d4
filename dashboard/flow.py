"""A sign-in that is on its way to a provider and back: kept in this browser's session, good once, for ten minutes."""

import hmac
import secrets
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from dashboard import seeds
from dashboard.oidc import Asked, Client, ProviderFault
from environments.models import IdentityProvider
from keys.crypto import CannotOpen, SecretText

KEPT = "single_sign_on"
LIFE = 600
SHUT = "The provider's secret cannot be opened any more. An owner enters it again, under Settings, Sign-on."
NOT_THIS = "This sign-in was not begun in this browser, was used already, or is too old."


class Purpose(StrEnum):
    SIGN_IN = "sign-in"
    LINK = "link"
    JOIN = "join"
    CONFIRM = "confirm"


class NotBegun(Exception):
    """What came back does not belong to what this browser has begun."""


@dataclass(frozen=True, slots=True, repr=False)
class Flow:
    """What was begun, for which organization, with which provider, and what for."""

    organization: int
    issuer: str
    purpose: str
    page: str
    """Where the person wants to be afterwards; judged by allauth when they are sent there."""
    state: str
    nonce: str
    verifier: str
    began: float
    invitation: str = ""

    @classmethod
    def begin(
        cls, request: HttpRequest, provider: IdentityProvider, purpose: Purpose, **more: str
    ) -> Self:
        flow = cls(
            organization=provider.organization_id,
            issuer=provider.issuer,
            purpose=purpose.value,
            page=more.get("page", "")[:2000],
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            began=time.time(),
            invitation=more.get("invitation", ""),
        )
        request.session[KEPT] = asdict(flow)
        return flow

    @classmethod
    def take(cls, request: HttpRequest, provider: IdentityProvider) -> Self:
        """Once; for the very provider that it was begun with; by the state that only this browser has."""
        kept: dict[str, Any] | None = request.session.pop(KEPT, None)
        if kept is None:
            raise NotBegun(NOT_THIS)
        flow = cls(**kept)
        given = request.GET.get("state", "").encode(errors="replace")
        if not hmac.compare_digest(given, flow.state.encode()) or time.time() > flow.began + LIFE:
            raise NotBegun(NOT_THIS)
        if (flow.organization, flow.issuer) != (provider.organization_id, provider.issuer):
            raise NotBegun(NOT_THIS)
        if request.GET.get("iss", flow.issuer) != flow.issuer:  # RFC 9207
            raise NotBegun("The answer came from another provider than the one that was asked.")
        return flow

    def asked(self, slug: str) -> Asked:
        fresh = self.purpose == Purpose.CONFIRM
        return Asked(callback_address(slug), self.state, self.nonce, self.verifier, fresh)


def callback_address(slug: str) -> str:
    """What the provider must know; one for each organization, so that no answer can be taken for another's."""
    return f"{settings.LATCHKEY_BASE_URL}{reverse('sso_callback', args=[slug])}"


def client_of(provider: IdentityProvider) -> Client:
    try:
        secret = seeds.open(provider.sealed_secret, purpose_of(provider))
    except CannotOpen as error:
        raise ProviderFault(SHUT) from error
    return Client(provider.client_id, SecretText(secret))


def purpose_of(provider: IdentityProvider) -> str:
    """Bound to organization, issuer and client: a sealed secret that was moved to another row stays shut."""
    return "\n".join(
        ("client secret", str(provider.organization_id), provider.issuer, provider.client_id)
    )
