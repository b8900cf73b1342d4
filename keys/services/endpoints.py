"""People's verbs on outside token endpoints: add, change, end. A row is never changed but for its name."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from environments import audit
from environments.access import Scope
from environments.events import Event
from environments.outside import check_place
from environments.policy import Action
from keys.models import TokenEndpoint


class EndpointNameTaken(Exception):
    """Another endpoint of this environment has the name."""


class EndpointEnded(Exception):
    """It was ended, or another took its place, in the meantime."""


class EndpointInUse(Exception):
    """Keys are tested there; it ends after they have left."""


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """What a person says about an endpoint."""

    name: str
    url: str
    method: str
    algorithm: str = ""
    audience: str = ""
    scope: str = ""

    @classmethod
    def of(cls, endpoint: TokenEndpoint) -> "NewEndpoint":
        return cls(**{name: getattr(endpoint, name) for name in cls.__dataclass_fields__})


def add_endpoint(scope: Scope, new: NewEndpoint) -> TokenEndpoint:
    try:
        return _add_endpoint(scope, new)
    except IntegrityError:
        raise EndpointNameTaken from None


@transaction.atomic
def _add_endpoint(scope: Scope, new: NewEndpoint) -> TokenEndpoint:
    scope.require(Action.ADD_ENDPOINT, None, f"environment:{scope.environment.slug}")
    made = _make(scope, new, None)
    _record(scope, Event.ENDPOINT_ADDED, made, after=asdict(new))
    return made


def change_endpoint(scope: Scope, public_id: str, new: NewEndpoint) -> TokenEndpoint:
    """Another name changes the row; anything else makes a new one in its place.

    Its keys stay with the former row until their secret is entered again: what was sealed for one address is sent to
    no other.
    """
    try:
        return _change_endpoint(scope, public_id, new)
    except IntegrityError:
        raise EndpointNameTaken from None


@transaction.atomic
def _change_endpoint(scope: Scope, public_id: str, new: NewEndpoint) -> TokenEndpoint:
    held = _locked(scope, public_id)
    before = NewEndpoint.of(held)
    if new == before:
        return held
    if replace(new, name=before.name) == before:
        held.name = new.name
        held.save(update_fields=["name"])
        _record(scope, Event.ENDPOINT_RENAMED, held, before={"name": before.name}, after={"name": new.name})  # fmt: skip
        return held
    held.ended_at = timezone.now()
    held.save(update_fields=["ended_at"])
    made = _make(scope, new, held)
    _record(scope, Event.ENDPOINT_REPLACED, made, before=asdict(before), after=asdict(new))
    return made


@transaction.atomic
def end_endpoint(scope: Scope, public_id: str) -> None:
    """Nobody can plug a key in there from now on; refused while keys use it."""
    held = _locked(scope, public_id)
    if users_of(held):
        raise EndpointInUse
    held.ended_at = timezone.now()
    held.save(update_fields=["ended_at"])
    _record(scope, Event.ENDPOINT_ENDED, held)


def users_of(endpoint: TokenEndpoint) -> int:
    """How many keys that exist point to it, or to a row whose place it took, or are about to."""
    rows = endpoint.line()
    keys = endpoint.environment.keys.existing()
    bound = Q(endpoint__in=rows) | Q(secrets__endpoint__in=rows, secrets__revoked_at=None)
    return keys.filter(bound).distinct().count()


def _make(scope: Scope, new: NewEndpoint, replaces: TokenEndpoint | None) -> TokenEndpoint:
    check_place(new.url)
    return TokenEndpoint.objects.create(
        environment=scope.environment, created_by=scope.actor, replaces=replaces, **asdict(new)
    )


def _locked(scope: Scope, public_id: str) -> TokenEndpoint:
    rows = TokenEndpoint.objects.within(scope).select_for_update(of=("self",))
    held = rows.select_related("environment__organization").get(public_id=public_id)
    scope.require(Action.ADD_ENDPOINT, None, f"endpoint:{public_id}")
    if held.ended_at:
        raise EndpointEnded
    return held


def _record(scope: Scope, event: Event, endpoint: TokenEndpoint, **detail: Any) -> None:
    subject = f"endpoint:{endpoint.public_id}"
    audit.record(scope, event, subject, label=endpoint.name, **detail)
