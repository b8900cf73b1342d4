"""`manage.py verify_audit` finds every way of tampering with the log, and names the first entry concerned.

LATCHKEY_TRIALS=1000 for a long run, LATCHKEY_SEED for another one.
"""

import os
import random
from collections import Counter
from datetime import timedelta
from functools import partial
from io import StringIO

import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from environments import append_only, keyrings, verifying
from environments.chain import Kind
from environments.models import AuditCheckpoint, AuditEvent, AuditFloor, AuditSignedHead
from environments.signing import Signer, Verifier
from environments.upkeep.checkpoints import EVERY, sign_heads, tell_witness
from tests.environments.tampering import (
    ATTACKS,
    Attack,
    change,
    swap_contents,
    unlink,
    without_triggers,
    write,
)

TRIALS = int(os.environ.get("LATCHKEY_TRIALS", "150"))
SEED = int(os.environ.get("LATCHKEY_SEED", "1"))
OURS, THEIRS = 7, 8
CHANCE = random.Random(3)  # noqa: S311  # to be repeated
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def outside(settings, tmp_path):
    settings.LATCHKEY_CHECKPOINT_LOG = f"file://{tmp_path}/checkpoints.jsonl"
    return tmp_path / "checkpoints.jsonl"


def verified(now=None, **more):
    verifier = Verifier.parse(project.LATCHKEY_AUDIT_PUBLIC_KEYS)
    return verifying.verify(verifier, now or timezone.now(), **more)


def command(*arguments, **options):
    """What it says, and its exit code."""
    out = StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out, **options)
    except SystemExit as left:
        return out.getvalue(), left.code
    return out.getvalue(), 0


@pytest.fixture
def signed():
    """Two chains; of ours 8 entries are under a first checkpoint, 16 under a second one, and 20 are there."""
    now = timezone.now()
    write(THEIRS, 5)
    write(OURS, 8)
    sign_heads(now - EVERY)
    write(OURS, 8)
    sign_heads(now)
    write(OURS, 4)


def exactness(act):
    """Exactly named, but where two neighbours were changed, or one denies the other: then as one of two."""
    return {0, 1} if act in {unlink, swap_contents} else {0}


def test_a_log_that_nobody_touched_is_sound(signed):
    report = verified()
    assert report.sound
    assert not report.late
    assert {number: (each.count, each.signed) for number, each in report.chains.items()} == {
        OURS: (20, 16),
        THEIRS: (5, 5),
    }
    said, code = command()
    assert code == 0
    assert said.endswith("SOUND.\n")


def test_every_way_of_tampering_is_found_and_the_first_entry_is_named(signed):
    chance = random.Random(SEED)  # noqa: S311  # to be repeated
    tried: Counter[str] = Counter()
    missed = []
    for number in range(TRIALS):
        act = ATTACKS[number % len(ATTACKS)]
        with transaction.atomic():
            attack = Attack(OURS, 20, 16, chance)
            expected = without_triggers(partial(act, attack))
            report = verified()
            transaction.set_rollback(True)
        fault = report.chains[OURS].fault
        named = (
            fault is not None
            and fault.kind in expected.kinds
            and fault.sequence <= expected.first <= fault.last
            and (fault.kind is Kind.REWRITTEN or expected.first - fault.sequence in exactness(act))
        )
        others = [each for each in report.faults if each.organization != OURS]
        if not named or others or report.problems:
            missed.append((number, act.__name__, expected, fault, others, report.problems))
        tried[act.__name__] += 1
    assert missed == []
    assert set(tried) == {act.__name__ for act in ATTACKS}
    assert verified().sound, "each trial was undone"


def test_the_entry_that_was_changed_is_told_and_the_command_ends_with_1(signed):
    without_triggers(partial(change, Attack(OURS, 20, 16, CHANCE)))
    fault = verified().chains[OURS].fault
    said, code = command()
    assert code == 1
    assert f"entry {fault.sequence} was changed" in said
    assert "organization 8, which is gone: 5 entries, signed up to 5: sound." in said


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE environments_auditcheckpoint SET root = 'x' WHERE serial = 1", "checkpoint 1: the signature"),
        ("UPDATE environments_auditcheckpoint SET key_id = 'x' WHERE serial = 2", "checkpoint 2: no public key"),
        ("UPDATE environments_auditsignedhead SET sequence = 7 WHERE sequence = 8", "checkpoint 1: the heads"),
        ("DELETE FROM environments_auditsignedhead WHERE serial = 2", "checkpoint 2: the heads"),
        ("DELETE FROM environments_auditcheckpoint WHERE serial = 1", "checkpoint 2 does not follow"),
    ],
)  # fmt: skip
def test_checkpoints_that_were_touched_are_named(signed, statement, says):
    append_only.drop_triggers(connection)
    with connection.cursor() as cursor:
        cursor.execute(statement)
    append_only.install_triggers(connection)
    said, code = command()
    assert code == 1
    assert says in said


def test_checkpoints_removed_with_what_they_signed_are_missed_by_the_file_outside(signed, outside):
    tell_witness(timezone.now())
    append_only.drop_triggers(connection)
    AuditCheckpoint.objects.filter(serial=2).delete()
    AuditSignedHead.objects.filter(serial=2).delete()
    AuditEvent.objects.filter(organization_id=OURS, sequence__gt=8).delete()
    Attack(OURS, 8, 8, CHANCE).head()
    append_only.install_triggers(connection)
    assert verified().sound, "the database alone cannot know"
    report = verified(outside=outside)
    assert not report.sound
    assert "lacks checkpoints 2 to 2" in report.problems[0]
    assert report.chains[OURS].fault.kind is Kind.CUT
    assert (report.chains[OURS].fault.sequence, report.chains[OURS].fault.last) == (9, 16)
    said, code = command()
    assert code == 1
    assert "entries 9 to 16 are missing" in said


def test_a_file_outside_that_was_touched_is_named(signed, outside):
    tell_witness(timezone.now())
    outside.write_text(outside.read_text().replace(f"[{OURS},8,", f"[{OURS},9,"))
    said, code = command()
    assert code == 1
    assert "the heads beside it" in said


def test_checkpoints_made_anew_with_another_key_are_refused(signed):
    other = keyrings.new_entry(keyrings.SIGNING, timezone.now())
    signer = Signer.parse(keyrings.SIGNING.write([other]))
    append_only.drop_triggers(connection)
    for each in AuditCheckpoint.objects.all():
        signature = signer.sign(each.statement)
        AuditCheckpoint.objects.filter(pk=each.pk).update(
            key_id=signature.key_id, signature=signature.value
        )
    append_only.install_triggers(connection)
    assert "no public key" in verified().problems[0]


def test_a_log_that_no_worker_signs_any_more_is_not_called_sound_up_to_now(signed):
    report = verified(timezone.now() + timedelta(hours=1))
    assert report.sound
    assert report.late


def test_a_log_that_was_never_signed_ends_with_2():
    write(OURS, 3)
    said, code = command()
    assert code == 2
    assert "Last checkpoint: never" in said


def test_without_a_public_key_it_says_what_to_give(settings):
    settings.LATCHKEY_AUDIT_PUBLIC_KEYS = ""
    with pytest.raises(CommandError, match="Give --keys"):
        command()


def floor(sequence, *, sign=True):
    event = AuditEvent.objects.get(organization_id=OURS, sequence=sequence)
    made = AuditFloor.objects.create(
        organization_id=OURS,
        sequence=sequence,
        digest=event.digest,
        asked_at=timezone.now(),
        reason="retention",
    )
    if sign:
        signature = Signer.parse(project.LATCHKEY_AUDIT_PRIVATE_KEYS).sign(made.statement)
        made.key_id, made.signature = signature.key_id, signature.value
        made.save(update_fields=["key_id", "signature"])
    return made


def test_entries_go_at_or_below_a_signed_floor_and_the_rest_is_still_sound(signed):
    floor(6)
    AuditEvent.objects.filter(organization_id=OURS, sequence__lte=6).delete()
    report = verified()
    assert report.sound
    assert report.chains[OURS].count == 14
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.filter(organization_id=OURS, sequence=7).delete()


def test_a_floor_that_nobody_signed_lets_nothing_go(signed):
    floor(6, sign=False)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.filter(organization_id=OURS, sequence__lte=6).delete()


def test_a_floor_of_another_organization_lets_nothing_go(signed):
    floor(6)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.filter(organization_id=THEIRS, sequence__lte=5).delete()


def test_a_forged_floor_hides_nothing(signed):
    forged = floor(6, sign=False)
    AuditFloor.objects.filter(pk=forged.pk).update(key_id="57f9685c8ee27150", signature="A" * 86)
    AuditEvent.objects.filter(organization_id=OURS, sequence__lte=6).delete()
    report = verified()
    assert "the floor of organization 7" in report.problems[0]
    assert report.chains[OURS].fault.kind is Kind.MISSING
