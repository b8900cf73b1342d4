"""The installation's log of what happens at its door: who signed in by what, who failed to."""

from allauth.account.authentication import get_authentication_records
from django.db import transaction
from django.http import HttpRequest

from environments import audit
from environments.events import Event
from environments.guard import origin_of
from environments.models import User


def note(
    request: HttpRequest,
    event: Event,
    user: User | None,
    label: str,
    **detail: str | int | list[str],
) -> None:
    subject = f"user:{user.pk}" if user else "user:unknown"
    with transaction.atomic():
        at_the_door = audit.Installation(user, origin_of(request))
        audit.record(at_the_door, event, subject, label=label, denied=False, **detail)


def note_failure(request: HttpRequest, about: User | None, label: str, **detail: str) -> None:
    """The subject says whom it was about; the actor stays empty, since nobody has proved to be them."""
    subject = f"user:{about.pk}" if about else "user:unknown"
    with transaction.atomic():
        nobody = audit.Installation(None, origin_of(request))
        audit.record(nobody, Event.SIGN_IN_FAILED, subject, label=label, denied=False, **detail)


def signed_in_by(request: HttpRequest, user: User) -> list[str]:
    """The steps of this sign-in: `password`, `totp`, `recovery_codes`, `webauthn` …"""
    steps = get_authentication_records(request, user)
    return [str(step.get("type") or step.get("method")) for step in steps]
