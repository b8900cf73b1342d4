"""The heads of all chains are signed every five minutes, and told outside the database."""

import json
import socket
import stat
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as project
from django.db import DatabaseError, connection, transaction

from environments import append_only, audit, signing, verifying, witness
from environments.events import Event
from environments.models import AuditCheckpoint, AuditHead, AuditSignedHead
from environments.signing import BadSignature, Head, Verifier
from environments.tasks import sign_log
from environments.upkeep.checkpoints import heads_at, sign_heads, tell_witness

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FIVE = timedelta(minutes=5)


@pytest.fixture
def outside(settings, tmp_path):
    path = tmp_path / "audit" / "checkpoints.jsonl"
    settings.LATCHKEY_CHECKPOINT_LOG = f"file://{path}"
    return path


def act(organization=7):
    with transaction.atomic():
        audit.record(audit.Machine(organization), Event.KEY_FAILING, "key:ck_a")


def checkpoint(now=NOW) -> AuditCheckpoint:
    made = sign_heads(now)
    assert made is not None
    return made


def signed_by_us(made: AuditCheckpoint) -> None:
    Verifier.parse(project.LATCHKEY_AUDIT_PUBLIC_KEYS).check(made.statement, made.signed)


def test_a_checkpoint_signs_the_heads_of_all_organizations_and_of_the_installation(acme):
    act(audit.INSTALLATION)
    made = checkpoint()
    signed_by_us(made)
    heads = [
        Head(*row)
        for row in AuditHead.objects.order_by("organization_id").values_list(
            "organization_id", "sequence", "digest"
        )
    ]
    assert len(heads) == 3
    assert heads[0].organization == audit.INSTALLATION
    assert (made.count, made.root) == (3, signing.root_of(heads))
    assert heads_at(made.serial) == heads


@pytest.mark.django_db
def test_one_is_made_every_five_minutes_even_when_nothing_happens():
    act()
    first = checkpoint()
    assert sign_heads(NOW + timedelta(minutes=4)) is None
    idle = checkpoint(NOW + FIVE)
    assert idle.serial == first.serial + 1
    assert idle.previous == first.statement.digest()
    assert idle.root == first.root
    assert AuditSignedHead.objects.count() == 1
    signed_by_us(idle)


@pytest.mark.django_db
@pytest.mark.parametrize("back", [{"sequence": 1}, {"digest": "0" * 64}, None])
def test_a_head_that_went_back_is_told_and_what_was_signed_stays(back, caplog):
    act()
    act()
    first = checkpoint()
    rows = AuditHead.objects.filter(organization_id=7)
    if back:
        rows.update(**back)
    else:
        rows.delete()
    second = checkpoint(NOW + FIVE)
    assert second.root == first.root
    assert "went back" in str([record.msg for record in caplog.records])
    assert (
        verifying.verify(Verifier.parse(project.LATCHKEY_AUDIT_PUBLIC_KEYS), NOW + FIVE).problems
        == []
    )


@pytest.mark.django_db
def test_a_forged_checkpoint_of_the_future_stops_nobody_from_signing():
    act()
    made = checkpoint()
    AuditCheckpoint.objects.create(
        serial=99, at=NOW + timedelta(days=999), count=1, root=made.root,
        previous=made.statement.digest(), key_id=made.key_id, signature=made.signature,
    )  # fmt: skip
    signed_by_us(checkpoint(NOW + FIVE))
    report = verifying.verify(Verifier.parse(project.LATCHKEY_AUDIT_PUBLIC_KEYS), NOW + FIVE)
    assert "checkpoint 99" in report.problems[0]


@pytest.mark.django_db
def test_an_installation_without_any_event_is_signed_as_well():
    made = checkpoint()
    assert made.count == 0
    signed_by_us(made)


@pytest.mark.django_db
def test_what_was_signed_cannot_be_said_otherwise():
    act()
    made = checkpoint()
    for name, value in {"serial": 5, "count": 9, "root": "0" * 64, "at": NOW + FIVE}.items():
        changed = AuditCheckpoint.objects.get(pk=made.pk)
        setattr(changed, name, value)
        with pytest.raises(BadSignature):
            signed_by_us(changed)


@pytest.mark.django_db
@pytest.mark.parametrize("table", append_only.FIXED)
def test_the_database_keeps_checkpoints_heads_and_floors_as_they_were_written(table):
    act()
    sign_heads(NOW)
    column = append_only.FIXED[table].split(", ")[0]
    with connection.cursor() as cursor:
        if table == "environments_auditfloor":
            cursor.execute(
                "INSERT INTO environments_auditfloor "
                "(organization_id, sequence, digest, asked_at, reason, key_id, signature) "
                "VALUES (7, 1, '', '2030-01-01 00:00:00+00:00', '', '', '')"
            )
    changes = (f"UPDATE {table} SET {column} = 99", f"DELETE FROM {table}")  # noqa: S608  # our own names
    for change in changes:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            connection.cursor().execute(change)


@pytest.mark.django_db
def test_a_row_of_each_checkpoint_lies_outside_the_database_for_its_owner_alone(outside):
    act()
    sign_heads(NOW)
    act()
    sign_heads(NOW + FIVE)
    assert tell_witness(NOW) == 2
    assert tell_witness(NOW) == 0
    assert stat.S_IMODE(outside.stat().st_mode) == 0o600
    told = list(witness.read(outside.read_text().splitlines()))
    assert [each.statement.serial for each in told] == [1, 2]
    verifier = Verifier.parse(project.LATCHKEY_AUDIT_PUBLIC_KEYS)
    for each in told:
        verifier.check(each.statement, each.signature)
        assert each.statement.root == signing.root_of(each.changed)


@pytest.mark.django_db
def test_a_file_that_was_put_away_begins_with_all_heads(outside):
    for organization in range(1, 21):
        act(organization)
    sign_heads(NOW)
    tell_witness(NOW)
    outside.unlink()
    act(3)
    sign_heads(NOW + FIVE)
    tell_witness(NOW)
    (told,) = witness.read(outside.read_text().splitlines())
    assert signing.root_of(told.changed) == told.statement.root
    assert len(outside.read_text().splitlines()) == 3, "a long one is split"


@pytest.mark.django_db
def test_a_folder_that_cannot_be_written_loses_nothing(outside, settings):
    settings.LATCHKEY_CHECKPOINT_LOG = "file:///proc/nowhere/checkpoints.jsonl"
    act()
    sign_heads(NOW)
    assert tell_witness(NOW) == 0
    settings.LATCHKEY_CHECKPOINT_LOG = f"file://{outside}"
    assert tell_witness(NOW) == 1


@pytest.mark.django_db
@pytest.mark.enable_socket
def test_syslog_hears_of_them_and_its_lines_are_read_again(settings, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "log"))
        settings.LATCHKEY_CHECKPOINT_LOG = f"syslog://{tmp_path}/log"
        act()
        sign_heads(NOW)
        assert tell_witness(NOW) == 1
        line = ear.recv(4096).decode()
    assert line.startswith("<38>latchkey-audit: {")
    (told,) = witness.read(["another program's line", f"Jan  1 host {line}"])
    assert told.statement == AuditCheckpoint.objects.get().statement


@pytest.mark.parametrize(
    "line", ['{"serial":1', '{"serial":1}', '{"serial":1,"heads":[[1]]}', '{"serial":1,"heads":[]}']
)
def test_a_line_that_is_none_of_ours_is_named(line):
    with pytest.raises(witness.BadWitness):
        list(witness.read([line]))


@pytest.mark.django_db
def test_the_clock_signs_and_tells(outside):
    sign_log()
    assert json.loads(outside.read_text())["serial"] == 1


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_the_path_of_a_head_leads_to_the_root_and_another_heads_does_not(count):
    heads = [Head(number, number + 1, f"{number:064x}") for number in range(count)]
    root = signing.root_of(heads)
    for head in heads:
        path = signing.path_to(heads, head.organization)
        assert signing.root_by(head, path) == root
        assert signing.root_by(head._replace(sequence=99), path) != root
