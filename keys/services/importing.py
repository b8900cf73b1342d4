"""People's verbs on imported keys: plug one in at an outside endpoint, and enter its next secret."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from environments import approvals, audit
from environments.access import Scope
from environments.approvals import Change
from environments.events import Event
from environments.models import Team
from environments.policy import Action
from keys import sealing
from keys.crypto import SecretText, hint, looks_like_secret
from keys.models import CredentialTest, Key, Rotation, Secret, TokenEndpoint
from keys.private_keys import BadPrivateKey, read_private_key
from keys.services import room
from keys.services.issuing import AgainstPolicy, KeyToBe, NameTaken, NewKey, creation
from keys.services.rotating import (
    MOST_LIVE_SECRETS,
    Plan,
    RotationRuns,
    TooManySecrets,
    locked,
    look_soon,
    next_expiry,
    open_rotation,
    record,
    spend_for,
)
from keys.services.testing import ask_for_test

SHOWS_ITS_END: Final = 32  # characters; of a shorter secret the last four would tell too much

HIDDEN: Final = "•••"


class EndpointGone(Exception):
    """The endpoint was ended or changed since the form was made."""


class NotImported(Exception):
    """Our own token service knows this key: its secrets are made here, not entered."""


class BadSecret(Exception):
    """What was entered cannot be this credential's secret; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Entered:
    """The secret or private key as it was typed, and the key ID if it has one."""

    text: SecretText
    kid: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewImport:
    """What a person says about a credential that a provider has given them."""

    name: str
    endpoint: str
    outside_id: str
    team: Team | None = None
    note: str = ""
    used_by: str = ""
    kept_in: str = ""


def plug_in(scope: Scope, new: NewImport, entered: Entered) -> CredentialTest:
    """Keep a credential sealed for its endpoint alone, and test it at once."""
    try:
        return _plug_in(scope, new, entered)
    except IntegrityError:
        raise NameTaken from None


@transaction.atomic
def _plug_in(scope: Scope, new: NewImport, entered: Entered) -> CredentialTest:
    scope.require(Action.CREATE, KeyToBe.of(new.team), f"environment:{scope.environment.slug}")
    room.for_new_key(scope, new.team)
    endpoint = _current(scope, new.endpoint)
    now = timezone.now()
    if scope.environment.refuses_end(entered.expires_at, now):
        raise AgainstPolicy
    spent = approvals.spend(scope, _import(scope, new, endpoint, entered), now)
    key = Key.objects.create(
        environment=scope.environment,
        endpoint=endpoint,
        outside_id=new.outside_id,
        team=new.team,
        name=new.name,
        note=new.note,
        used_by=new.used_by,
        kept_in=new.kept_in,
        created_by=scope.actor,
    )
    secret = _keep(scope, key, endpoint, entered)
    test = ask_for_test(secret, CredentialTest.Reason.CREATED, asked_by=scope.actor)
    audit.record(
        scope,
        Event.KEY_PLUGGED_IN,
        f"key:{key.client_id}",
        label=key.name,
        team=new.team.name if new.team else None,
        endpoint=endpoint.name,
        outside_id=new.outside_id,
        secret=secret.public_id,
        expires_at=entered.expires_at.isoformat() if entered.expires_at else None,
        **spent,
    )
    return test


def _import(scope: Scope, new: NewImport, endpoint: TokenEndpoint, entered: Entered) -> Change:
    """All but the secret, which is typed when it is plugged in and waits nowhere."""
    lines = {"note": new.note, "used_by": new.used_by, "kept_in": new.kept_in}
    said = NewKey(new.name, new.team, expires_at=entered.expires_at, **lines)
    return creation(scope, said, f"A secret for {endpoint.url} as {new.outside_id}")


@transaction.atomic
def enter_secret(scope: Scope, client_id: str, entered: Entered, why: str = "") -> Rotation:
    """The rotation of an imported key: what the provider has made is entered, and a worker proves it at once.

    The former one lives on until the person has ended it at the provider and says so. Where the endpoint has another
    address by now there is no former one to be ended there: it was never entered for it.
    """
    key = locked(scope, client_id, Action.ROTATE)
    if key.endpoint is None:
        raise NotImported
    now = timezone.now()
    endpoint = _current(scope, key.endpoint.newest().public_id)
    rotation = key.rotations.open().select_for_update(of=("self",)).first()
    if rotation is not None and rotation.new is not None:
        raise RotationRuns
    if key.secrets.unended(now).count() >= MOST_LIVE_SECRETS:
        raise TooManySecrets
    plan = Plan(timedelta())  # the provider's way of ending the old one is its grace
    rotation = rotation or open_rotation(scope, key, plan, Rotation.Reason.PERSON)
    spent = spend_for(scope, key, rotation, now)
    if rotation.old and rotation.old.endpoint_id != endpoint.pk and not rotation.cut:
        rotation.old = None
    ends = entered.expires_at or next_expiry(rotation, now)
    rotation.new = _keep(scope, key, endpoint, Entered(entered.text, entered.kid, ends))
    rotation.why = why or rotation.why
    look_soon(rotation)
    entered_now = {"secret": rotation.new.public_id, "endpoint": endpoint.name}
    record(scope, key, Event.SECRET_ENTERED, rotation, **entered_now, **spent)
    return rotation


def _current(scope: Scope, public_id: str) -> TokenEndpoint:
    """Locked, so that it is not ended while something is sealed for it."""
    rows = TokenEndpoint.objects.within(scope).current().select_for_update(of=("self",))
    endpoint = rows.filter(public_id=public_id).first()
    if endpoint is None:
        raise EndpointGone
    return endpoint


def _keep(scope: Scope, key: Key, endpoint: TokenEndpoint, entered: Entered) -> Secret:
    """Sealed, bound to this endpoint, and in no other form: nothing marks it, for nobody shows it to us."""
    secret = Secret(
        key=key,
        endpoint=endpoint,
        created_by=scope.actor,
        collected_at=timezone.now(),
        expires_at=entered.expires_at,
    )
    text = entered.text
    if endpoint.signed:
        private = read_private_key(text, endpoint.algorithm, entered.kid)
        _check_new(key, private.hint)
        secret.kind, secret.kid, secret.hint = Secret.Kind.PRIVATE_KEY, private.kid, private.hint
        text = private.text
    else:
        secret.hint = _hint(text)
    secret.sealed = sealing.seal_credential(text, secret.context)
    secret.save(force_insert=True)
    return secret


def _check_new(key: Key, hint: str) -> None:
    """The hint of a private key is of its public half, so the same one is known again."""
    if key.secrets.filter(kind=Secret.Kind.PRIVATE_KEY, hint=hint).exists():
        raise BadPrivateKey("This is a private key that this key has or had already.")


def _hint(entered: SecretText) -> str:
    text = entered.reveal()
    if "-----BEGIN" in text or text.lstrip().startswith("{"):
        raise BadSecret("This looks like a private key. The endpoint's method takes a secret.")
    if not text.isprintable():
        raise BadSecret("A secret has no line breaks and no control characters.")
    if looks_like_secret(text):
        return hint(text)  # another Latchkey's: shown as it shows it
    return text[-4:] if len(text) >= SHOWS_ITS_END else HIDDEN
