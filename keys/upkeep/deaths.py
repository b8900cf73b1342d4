"""Prove dead what ended because its client signs. Nothing here calls out; tests do."""

from datetime import datetime
from typing import Any

from django.db import transaction

from environments import audit
from environments.events import Event
from environments.models import Topic
from keys.death import Facts, Next, what_next
from keys.facts import DEAD
from keys.keepers import news_of, tell_keepers_about
from keys.models import CredentialTest, Death, Key, PublicKey
from keys.outcomes import Outcome

LOOKED_BACK = 25


def due(now: datetime, limit: int = 200) -> list[int]:
    return list(Death.objects.due(now).order_by("next_at").values_list("pk", flat=True)[:limit])


@transaction.atomic
def advance(death_id: int, now: datetime) -> list[int]:
    """One step; the ids of the tests to be rung. Called twice or late, it does nothing."""
    key_id = Death.objects.filter(pk=death_id).values_list("secret__key", flat=True).first()
    if key_id is None:
        return []
    # The key's row first, like every person's verb: two who lock in one order never wait for each other.
    rows = Key.objects.select_for_update(of=("self",))
    key = rows.select_related("environment__organization", "team").get(pk=key_id)
    death = Death.objects.select_for_update(of=("self",)).select_related("secret").get(pk=death_id)
    if death.closed_at:
        return []
    asked = _step(death, key, now)
    death.save()
    return asked


def _step(death: Death, key: Key, now: datetime) -> list[int]:
    signer = key.public_keys.exclude(last_used_at=None).order_by("-last_used_at").first()
    trials = list(_trials(death).finished().order_by("-finished_at", "-pk")[:LOOKED_BACK])
    if trials and trials[0].result is Outcome.WORKS and death.alarmed_at is None:
        _alarm(death, key, now)
    coming, death.next_at = what_next(_facts(death, key, signer, trials), now)
    if coming is Next.TRY:
        return _try(death, key, now)
    if coming is not Next.WAIT:
        refusal = trials[0] if trials and trials[0].result in DEAD else None
        _close(death, key, refusal, signer if coming is Next.PROVEN else None, now)
    return []


def _trials(death: Death) -> Any:
    return death.secret.tests.filter(reason=CredentialTest.Reason.DEATH, rotation=None)


def _facts(death: Death, key: Key, signer: PublicKey | None, trials: list[CredentialTest]) -> Facts:
    secret, newest = death.secret, trials[0] if trials else None
    died = newest is not None and newest.result in DEAD
    in_vain = [each.result in DEAD for each in trials]
    return Facts(
        ended_at=secret.revoked_at or death.next_at,
        erased=secret.sealed is None or key.deleted_at is not None,
        testing=_trials(death).unfinished().exists(),
        refused_at=newest.finished_at if newest and died else None,
        tried_at=newest.finished_at if newest else None,
        attempt=(in_vain.index(True) if True in in_vain else len(in_vain)),
        signed_at=signer.last_used_at if signer else None,
    )


def _try(death: Death, key: Key, now: datetime) -> list[int]:
    test = CredentialTest.objects.create(
        key=key,
        secret=death.secret,
        reason=CredentialTest.Reason.DEATH,
        asked_at=now,
        not_before=now,
        interactive=True,
    )
    return [test.pk]


def _close(
    death: Death, key: Key, refusal: CredentialTest | None, signer: PublicKey | None, now: datetime
) -> None:
    """Proven, if a client's signature stands beside the refusal; either way the sealed text goes."""
    death.closed_at, death.refused_by = now, refusal
    death.secret.sealed = None
    death.secret.save(update_fields=["sealed"])
    if refusal and signer:
        death.signed_with, death.signed_at = signer, signer.last_used_at
        receipts = {"refused": refusal.pk, "signed": signer.public_id}
        _record(death, key, Event.SECRET_PROVEN_DEAD, **receipts)


def _alarm(death: Death, key: Key, now: datetime) -> None:
    death.alarmed_at = now
    _record(death, key, Event.SECRET_STILL_ACCEPTED)
    told = "A secret that ended was accepted all the same. Look at the token service at once."
    title = f"The ended secret of {key.name} is still accepted"
    once = f"accepted:{death.secret.public_id}"
    news = news_of(key, once, title, told, page="keys:switch", tone="bad")
    tell_keepers_about(Topic.SECURITY, key, news)


def _record(death: Death, key: Key, event: Event, **detail: Any) -> None:
    place = audit.Machine(key.environment.organization_id, key.environment.slug)
    secret = death.secret
    audit.record(
        place,
        event,
        f"key:{key.client_id}",
        label=key.name,
        secret=secret.public_id,
        hint=secret.hint,
        **detail,
    )
