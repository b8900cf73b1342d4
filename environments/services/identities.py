"""People's verbs on single sign-on: the organization's provider, and the link between a member and who they are there."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from environments import audit
from environments.access import OrgScope
from environments.events import Event
from environments.models import Identity, IdentityProvider, Organization, User
from environments.policy import OrgAction


class LinkedToAnother(Exception):
    """Somebody else here is this person at the provider."""


class LinkedAlready(Exception):
    """The member is linked with another account there: that link goes first."""


@dataclass(frozen=True, slots=True)
class NewProvider:
    name: str
    issuer: str
    client_id: str
    sealed_secret: str

    def said(self) -> dict[str, str]:
        return {"name": self.name, "issuer": self.issuer, "client_id": self.client_id}


@transaction.atomic
def set_provider(scope: OrgScope, new: NewProvider) -> None:
    """Another issuer or client is another provider: the sessions that came from the former one end."""
    subject = f"organization:{scope.organization.slug}"
    scope.require(OrgAction.MANAGE_SIGN_ON, subject)
    old = IdentityProvider.objects.within(scope).select_for_update().first()
    before = _of(old).said() if old else {}
    if old and (old.issuer, old.client_id) != (new.issuer, new.client_id):
        scope.organization.sessions.all().delete()
    IdentityProvider.objects.within(scope).update_or_create(
        organization=scope.organization,
        defaults={**new.said(), "sealed_secret": new.sealed_secret},
    )
    audit.record(
        scope,
        Event.PROVIDER_SET,
        subject,
        label=new.name,
        before=before,
        after=new.said(),
    )


@transaction.atomic
def remove_provider(scope: OrgScope) -> None:
    """Its sessions end; the links stay, for the day that the same provider comes back."""
    subject = f"organization:{scope.organization.slug}"
    scope.require(OrgAction.MANAGE_SIGN_ON, subject)
    provider = IdentityProvider.objects.within(scope).select_for_update().get()
    scope.organization.sessions.all().delete()
    provider.delete()
    audit.record(scope, Event.PROVIDER_REMOVED, subject, label=provider.name)


@transaction.atomic
def link(scope: OrgScope, *, issuer: str, subject: str, shown: str) -> None:
    """This member is that person there; asked while signed in here by a way of their own, or by an invitation."""
    taken = scope.organization.identities.filter(issuer=issuer, subject=subject).first()
    if taken and taken.user_id != scope.actor.pk:
        raise LinkedToAnother
    if taken:
        return
    if scope.organization.identities.filter(issuer=issuer, user=scope.actor).exists():
        raise LinkedAlready
    scope.organization.identities.create(
        user=scope.actor, issuer=issuer, subject=subject, shown=shown[:100]
    )
    _record(scope, Event.IDENTITY_LINKED, issuer)


@transaction.atomic
def unlink(scope: OrgScope) -> bool:
    """The sessions of this member that came by the link end with it."""
    gone, _ = scope.organization.identities.filter(user=scope.actor).delete()
    if not gone:
        return False
    scope.organization.sessions.filter(user=scope.actor).delete()
    _record(scope, Event.IDENTITY_UNLINKED, "")
    return True


def person_behind(
    organization: Organization, issuer: str, subject: str, now: datetime
) -> User | None:
    """Whom this identity signs in: a member who is linked. The provider's e-mail address is never looked at."""
    identity: Identity | None = (
        organization.identities.select_related("user")
        .filter(issuer=issuer, subject=subject, user__is_active=True)
        .filter(user__memberships__organization=organization)
        .first()
    )
    if identity is None:
        return None
    identity.last_used_at = now
    identity.save(update_fields=["last_used_at"])
    return identity.user


def _of(provider: IdentityProvider) -> NewProvider:
    return NewProvider(provider.name, provider.issuer, provider.client_id, provider.sealed_secret)


def _record(scope: OrgScope, event: Event, issuer: str) -> None:
    member = scope.member
    audit.record(scope, event, f"member:{member.pk}", label=scope.actor.email, issuer=issuer)
