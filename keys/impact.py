"""What a policy would touch, before it is saved: how many keys, and which of those that the person may see."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from environments.access import OrgScope
from environments.models import Environment
from environments.services.policies import Policy, spoken_span
from keys.models import Key, KeyQuerySet, Secret

NAMED = 20


@dataclass(frozen=True, slots=True)
class Effect:
    """One sentence, what follows from it, and the keys that it is about."""

    sentence: str
    follows: str
    names: list[str]
    unnamed: int = 0


@dataclass(frozen=True, slots=True)
class Impact:
    scope: OrgScope
    place: Environment
    now: datetime

    def of(self, old: Policy, new: Policy) -> list[Effect]:
        return [effect for effects in self._touched(old, new) for effect in effects]

    def _touched(self, old: Policy, new: Policy) -> Iterator[Iterator[Effect]]:
        """One for each part that was changed in a way that touches keys."""
        if new.secret_max_age != old.secret_max_age:
            yield self._age(new.secret_max_age)
        if new.expiry_required and not old.expiry_required:
            yield self._expiry()
        if new.grace_max < old.grace_max:
            yield self._grace(new.grace_max)
        if new.test_interval != old.test_interval:
            yield self._tests(old.test_interval, new.test_interval)
        yield from self._touched_use(old, new)

    def _touched_use(self, old: Policy, new: Policy) -> Iterator[Iterator[Effect]]:
        if new.idle_after and new.idle_after != old.idle_after:
            yield self._idle(new.idle_after)
        if old.redox_doors and not new.redox_doors:
            yield self._doors()

    def _age(self, age: timedelta | None) -> Iterator[Effect]:
        if age is None:
            yield Effect(
                "No secret comes of age any more.", "Rotations that are prepared stay.", []
            )
            return
        span = spoken_span(age)
        yield self._effect(
            Q(born__lte=self.now - age),
            (
                "{} has a secret older than {}.",
                "{} have a secret older than {}.",
                "No key has a secret older than {1}.",
            ),
            "A rotation of each is prepared within minutes and its keepers are asked. Nothing is cut.",
            span,
        )
        yield self._effect(
            Q(ends_at__gt=F("born") + age),
            (
                "{} ends later than {} after it was made.",
                "{} end later than {} after they were made.",
                "No key ends later than {1} after it was made.",
            ),
            "They keep their date. New secrets may not live so long.",
            span,
        )

    def _expiry(self) -> Iterator[Effect]:
        yield self._effect(
            Q(born__isnull=False, ends_at=None),
            ("{} has no expiry.", "{} have no expiry.", "Every key has an expiry already."),
            "They keep working. The next secret of each gets a date.",
        )

    def _grace(self, longest: timedelta) -> Iterator[Effect]:
        yield self._effect(
            Q(rotations__closed_at=None, rotations__grace__gt=longest),
            (
                "{} is in a rotation with a longer grace period.",
                "{} are in rotations with a longer grace period.",
                "No rotation runs with a longer grace period.",
            ),
            "These rotations go on as they were begun.",
        )

    def _tests(self, old: timedelta, new: timedelta) -> Iterator[Effect]:
        keys = self.place.keys.scheduled().count()
        hour = timedelta(hours=1)
        before, after = round(keys * (hour / old)), round(keys * (hour / new))
        yield Effect(
            f"{_keys(keys)} tested every {spoken_span(new)} instead of every {spoken_span(old)}.",
            f"About {after} tests an hour instead of {before}.",
            [],
        )

    def _idle(self, after: timedelta) -> Iterator[Effect]:
        used = Coalesce("used_at", "created_at")
        yield self._effect(
            Q(endpoint=None, idle_since__lte=self.now - after),
            (
                "{} was not used for {}.",
                "{} were not used for {}.",
                "Every key was used within {1}.",
            ),
            "The lists point them out. They keep working.",
            spoken_span(after),
            idle_since=used,
        )

    def _doors(self) -> Iterator[Effect]:
        yield self._effect(
            Q(redox_door=True) | Q(legacy_door=True),
            (
                "{} uses a door for clients of Redox.",
                "{} use a door for clients of Redox.",
                "No key uses a door for clients of Redox.",
            ),
            "Their clients are refused there at once. The token endpoint still serves them.",
        )

    def _effect(
        self, those: Q, said: tuple[str, str, str], follows: str, *words: str, **more: Coalesce
    ) -> Effect:
        """One, several, none, in words. Counted over all keys of the environment; named as far as the person may see them."""
        count = self._told(self.place.keys.scheduled()).annotate(**more).filter(those).count()
        if not count:
            return Effect(said[2].format("", *words), "", [])
        scope = self.scope
        mine = self._told(Key.objects.visible_to(scope.actor).filter(environment=self.place))
        named = mine.scheduled().annotate(**more).filter(those).order_by("name")
        names = list(named.values_list("name", flat=True)[:NAMED])
        number = f"{count} key" if count == 1 else f"{count} keys"
        sentence = said[0 if count == 1 else 1].format(number, *words)
        return Effect(sentence, follows, names, count - len(names))

    def _told(self, keys: KeyQuerySet) -> KeyQuerySet:
        """With the making and the end of the secret that each stands on, and when the key was last used."""
        unended = Secret.objects.filter(key=OuterRef("pk")).unended(self.now).standing()
        newest = unended.order_by("-created_at", "-pk")
        return keys.annotate(
            born=Subquery(newest.values("created_at")[:1]),
            ends_at=Subquery(newest.values("expires_at")[:1]),
            used_at=Max("secrets__last_used_at"),
        )


def _keys(count: int) -> str:
    return "1 key is" if count == 1 else f"{count} keys are"
