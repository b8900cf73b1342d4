"""What somebody who owns the database may do to a log: triggers dropped, rows changed, hashes written anew."""

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, transaction

from environments import append_only, audit
from environments.chain import Kind
from environments.events import Event
from environments.models import AuditEvent, AuditHead

TABLE = "environments_auditevent"
FIELDS: dict[str, str | int] = {
    "actor": "somebody@else.test",
    "actor_id": 4711,
    "address": "203.0.113.9",
    "at": "2020-02-02 02:02:02+00:00",
    "denied": True,
    "detail": '{"role": "viewer"}',
    "environment": "elsewhere",
    "event": "sign-in.succeeded",
    "label": "another",
    "request_id": "0",
    "subject": "key:ck_other",
    "previous": "0" * 64,
    "digest": "0" * 64,
}


def write(organization: int, count: int) -> None:
    with transaction.atomic():
        for _ in range(count):
            number = secrets.token_hex(4)
            audit.record(
                audit.Machine(organization, "production"),
                Event.KEY_FAILING,
                f"key:ck_{number}",
                label=f"näme \u202e{number}",
                before={"role": "engineer"},
                number=number,
            )


@dataclass(frozen=True)
class Expected:
    """The first entry that is not what was written, or the entries among which it is."""

    kinds: frozenset[Kind]
    first: int
    last: int


def said(*kinds: Kind, at: int, last: int = 0) -> Expected:
    return Expected(frozenset(kinds), at, max(at, last))


@dataclass
class Attack:
    """One organization's chain of `count` entries, of which the first `signed` were signed in a checkpoint."""

    organization: int
    count: int
    signed: int
    chance: random.Random

    def somewhere(self, last: int | None = None) -> int:
        return self.chance.randint(1, last or self.count)

    def sql(self, statement: str, *values: str | int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement.replace("EVENTS", TABLE), list(values))

    def row(self, sequence: int) -> AuditEvent:
        return AuditEvent.objects.get(organization_id=self.organization, sequence=sequence)

    def put(self, event: AuditEvent) -> None:
        event.save()

    def renumber(self, after: int, by: int) -> None:
        """One at a time, in the order that never makes two of one number."""
        moved = range(after + 1, self.count + 1) if by < 0 else range(self.count, after, -1)
        for sequence in moved:
            self.sql(
                "UPDATE EVENTS SET sequence = %s WHERE organization_id = %s AND sequence = %s",
                sequence + by, self.organization, sequence,
            )  # fmt: skip

    def rechain(self, start: int) -> None:
        """Every hash from here on anew, and the head: as good as an attacker can make it."""
        rows = AuditEvent.objects.filter(organization_id=self.organization).order_by("sequence")
        before = rows.filter(sequence__lt=start).last()
        digest = before.digest if before else ""
        for event in rows.filter(sequence__gte=start):
            event.previous = digest
            event.digest = digest = audit.digest(event)
            event.save()
        self.head(digest)

    def head(self, digest: str | None = None) -> None:
        last = (
            AuditEvent.objects.filter(organization_id=self.organization).order_by("sequence").last()
        )
        AuditHead.objects.filter(organization_id=self.organization).update(
            sequence=last.sequence if last else 0,
            digest=digest or (last.digest if last else ""),
        )  # fmt: skip


def change(attack: Attack) -> Expected:
    """One column of one row."""
    k, name = attack.somewhere(), attack.chance.choice(sorted(FIELDS))
    attack.sql(
        "UPDATE EVENTS SET COLUMN = %s WHERE organization_id = %s AND sequence = %s".replace("COLUMN", name),
        FIELDS[name], attack.organization, k,
    )  # fmt: skip
    return said(Kind.CHANGED, at=k)


def change_and_hash(attack: Attack) -> Expected:
    """One row, with a digest that fits it."""
    event = attack.row(attack.somewhere())
    event.actor = "somebody@else.test"
    event.digest = audit.digest(event)
    attack.put(event)
    return said(Kind.CHANGED, Kind.REWRITTEN, at=event.sequence)


def unlink(attack: Attack) -> Expected:
    """One row that names another one before it, with a digest that fits."""
    event = attack.row(attack.somewhere())
    event.previous = "f" * 64
    event.digest = audit.digest(event)
    attack.put(event)
    return said(Kind.CHANGED, at=event.sequence)


def remove(attack: Attack) -> Expected:
    k = attack.somewhere(attack.count - 1)
    attack.sql("DELETE FROM EVENTS WHERE organization_id = %s AND sequence = %s", attack.organization, k)  # fmt: skip
    return said(Kind.MISSING, at=k)


def remove_some(attack: Attack) -> Expected:
    k = attack.somewhere(attack.count - 2)
    last = attack.chance.randint(k, attack.count - 1)
    attack.sql("DELETE FROM EVENTS WHERE organization_id = %s AND sequence BETWEEN %s AND %s", attack.organization, k, last)  # fmt: skip
    return said(Kind.MISSING, at=k, last=last)


def remove_and_close_up(attack: Attack) -> Expected:
    """The later ones move up, so that no number is missing."""
    k = attack.somewhere(attack.count - 1)
    attack.sql("DELETE FROM EVENTS WHERE organization_id = %s AND sequence = %s", attack.organization, k)  # fmt: skip
    attack.renumber(k, -1)
    attack.head()
    return said(Kind.CHANGED, at=k)


def swap(attack: Attack) -> Expected:
    """Two rows change their numbers."""
    first, second = sorted(attack.chance.sample(range(1, attack.count + 1), 2))
    for old, new in ((first, -1), (second, first), (-1, second)):
        attack.sql(
            "UPDATE EVENTS SET sequence = %s WHERE organization_id = %s AND sequence = %s",
            new, attack.organization, old,
        )  # fmt: skip
    return said(Kind.CHANGED, at=first)


def swap_contents(attack: Attack) -> Expected:
    """Two rows change all but number and links, with digests that fit."""
    first, second = sorted(attack.chance.sample(range(1, attack.count + 1), 2))
    one, two = attack.row(first), attack.row(second)
    for name in ("subject", "label", "detail"):
        held = getattr(one, name)
        setattr(one, name, getattr(two, name))
        setattr(two, name, held)
    for event in (one, two):
        event.digest = audit.digest(event)
        attack.put(event)
    return said(Kind.CHANGED, at=first)


def forged(attack: Attack, sequence: int) -> AuditEvent:
    event = attack.row(min(sequence, attack.count))
    event.pk = None
    event._state.adding = True
    event.sequence, event.actor, event.label = sequence, "somebody@else.test", "forged"
    event.previous = attack.row(sequence - 1).digest if sequence > 1 else ""
    event.digest = audit.digest(event)
    return event


def insert(attack: Attack) -> Expected:
    """One more in the middle; the later ones move on."""
    k = attack.somewhere()
    event = forged(attack, k)
    attack.renumber(k - 1, 1)
    event.save(force_insert=True)
    attack.head()
    return said(Kind.INSERTED, at=k)


def insert_beyond_the_head(attack: Attack) -> Expected:
    event = forged(attack, attack.count + 1)
    event.save(force_insert=True)
    return said(Kind.INSERTED, at=attack.count + 1)


def cut(attack: Attack) -> Expected:
    """The last ones go; the head row stays."""
    k = attack.somewhere()
    attack.sql("DELETE FROM EVENTS WHERE organization_id = %s AND sequence >= %s", attack.organization, k)  # fmt: skip
    return said(Kind.CUT, at=k, last=attack.count)


def cut_and_move_the_head(attack: Attack) -> Expected:
    """… and the head row says so: only the checkpoint knows of more."""
    k = attack.somewhere(attack.signed)
    attack.sql("DELETE FROM EVENTS WHERE organization_id = %s AND sequence >= %s", attack.organization, k)  # fmt: skip
    attack.head()
    return said(Kind.CUT, at=k, last=attack.signed)


def wipe(attack: Attack) -> Expected:
    """The whole chain and its head."""
    attack.sql("DELETE FROM EVENTS WHERE organization_id = %s", attack.organization)
    AuditHead.objects.filter(organization_id=attack.organization).delete()
    return said(Kind.CUT, at=1, last=attack.signed)


def rewrite(attack: Attack) -> Expected:
    """One row, and every hash after it: only the checkpoint knows better."""
    k = attack.somewhere(attack.signed)
    attack.sql(
        "UPDATE EVENTS SET label = 'forged' WHERE organization_id = %s AND sequence = %s",
        attack.organization, k,
    )  # fmt: skip
    attack.rechain(k)
    return said(Kind.REWRITTEN, at=k)


def remove_and_rewrite(attack: Attack) -> Expected:
    k = attack.somewhere(attack.signed)
    attack.sql("DELETE FROM EVENTS WHERE organization_id = %s AND sequence = %s", attack.organization, k)  # fmt: skip
    attack.renumber(k, -1)
    attack.rechain(k)
    return said(Kind.REWRITTEN, Kind.CUT, at=k)


ATTACKS: tuple[Callable[[Attack], Expected], ...] = (
    change,
    change_and_hash,
    unlink,
    remove,
    remove_some,
    remove_and_close_up,
    swap,
    swap_contents,
    insert,
    insert_beyond_the_head,
    cut,
    cut_and_move_the_head,
    wipe,
    rewrite,
    remove_and_rewrite,
)


def without_triggers(act: Callable[[], Expected]) -> Expected:
    """As whoever owns the database would."""
    append_only.drop_triggers(connection)
    try:
        return act()
    finally:
        append_only.install_triggers(connection)
