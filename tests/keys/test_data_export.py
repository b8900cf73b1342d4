"""Owners take the data of their organization along: everything about it, and nothing by which anybody could get in."""

import base64
import json
import zipfile
from datetime import timedelta
from hashlib import sha256
from io import BytesIO

import pytest
from django.conf import settings as project
from django.core.management import call_command
from django.db import models
from django.utils import timezone

from environments import exported
from environments.models import AuditEvent, DataExport, EnvironmentGrant, Notice, Topic
from environments.services.data_export import export_data
from environments.signing import Verifier
from environments.upkeep.checkpoints import sign_heads
from keys.models import CredentialTest
from keys.upkeep import data_export
from keys.upkeep.data_export import KEPT, forget_data_exports, make_data_exports
from keys.upkeep.deletion import tables
from keys.upkeep.inventory import LEFT_OUT, SHEETS
from tests.approving import owner
from tests.cast import LONG_AGO
from tests.keys.test_deletion import plant
from tests.log import events, lines
from tests.pages import text_of

pytestmark = pytest.mark.django_db
EXPORT = "/o/acme/settings/export/"


@pytest.fixture
def planted(acme):
    """A row in every table, and a log that is signed."""
    EnvironmentGrant.objects.create(
        member=acme.member("owner"), environment=acme.environment("staging"), role="engineer"
    )
    plant(acme.org("owner"), acme["owner"], "staging")
    DataExport.objects.all().delete()
    CredentialTest.objects.update(finished_at=timezone.now(), outcome="works")
    sign_heads(timezone.now())
    return acme


def taken(made):
    """The file as it is downloaded."""
    made.refresh_from_db()
    return b"".join(bytes(part.data) for part in made.parts.order_by("number"))


def sheets(data):
    """What a person unpacks: file name → lines."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_an_owner_asks_a_worker_makes_it_and_the_file_is_what_the_page_says(planted, sign_in):
    client = sign_in("owner")
    page = client.post(EXPORT).headers["Location"]
    assert "A worker puts it together" in text_of(client.get(page))
    assert client.get(page + "file/").status_code == 404
    assert make_data_exports(timezone.now()) == 1
    made = DataExport.objects.get()
    assert made.sha256 in text_of(client.get(page))
    answer = client.get(page + "file/")
    data = b"".join(answer.streaming_content)
    assert sha256(data).hexdigest() == made.sha256
    assert len(data) == made.size == int(answer.headers["Content-Length"])
    told = events(subject=f"data-export:{made.public_id}")
    assert told == ["data.exported", "data.downloaded"]
    assert made.public_id in text_of(client.get(EXPORT))


@pytest.mark.parametrize(("name", "status"), [("admin", 403), ("engineer", 403), ("stranger", 404)])
def test_nobody_else_asks_for_it_or_takes_it(planted, sign_in, name, status):
    made = export_data(planted.org("owner"))
    make_data_exports(timezone.now())
    client = sign_in(name)
    for address in (EXPORT, f"{EXPORT}{made.public_id}/", f"{EXPORT}{made.public_id}/file/"):
        assert client.get(address).status_code == status, address
    assert client.post(EXPORT).status_code == status
    assert DataExport.objects.count() == 1


def test_a_sign_in_long_ago_is_not_enough_to_ask_or_to_take(planted, sign_in):
    made = export_data(planted.org("owner"))
    make_data_exports(timezone.now())
    client = sign_in("owner", ago=LONG_AGO)
    for answer in (client.post(EXPORT), client.get(f"{EXPORT}{made.public_id}/file/")):
        assert "/accounts/" in answer.headers["Location"]
    assert not lines("data.downloaded")


def test_it_holds_people_places_keys_policies_and_the_log_which_proves_itself(planted, tmp_path):
    made = export_data(planted.org("owner"))
    make_data_exports(timezone.now())
    files = sheets(taken(made))
    assert set(files) == {f"{sheet.name}.jsonl" for sheet in SHEETS} | {"log.jsonl", "README.txt"}
    rows = {
        name: [json.loads(line) for line in text.splitlines()]
        for name, text in files.items()
        if name.endswith("jsonl")
    }
    assert all(rows.values()), [name for name, found in rows.items() if not found]
    assert {row["user_email"] for row in rows["members.jsonl"]} == {
        member.user.email for member in planted.organization.members.select_related("user")
    }
    key = planted.environment("staging").keys.get(name="staging-api")
    assert key.client_id in {row["client_id"] for row in rows["keys.jsonl"]}
    assert {row["slug"] for row in rows["environments.jsonl"]} == {
        "development",
        "staging",
        "production",
    }
    log = tmp_path / "log.jsonl"
    log.write_text(files["log.jsonl"])
    verdict = exported.verify(log, Verifier.parse(project.LATCHKEY_AUDIT_PUBLIC_KEYS))
    assert verdict.heading.whole
    assert verdict.walked.fault is None
    call_command("verify_audit", "--export", str(log))


def test_nothing_of_another_organization_is_in_it(planted):
    made = export_data(planted.org("owner"))
    make_data_exports(timezone.now())
    assert "elsewhere" not in "".join(sheets(taken(made)).values()).lower()


def secret_values():
    """Whatever rests sealed, or as a hash by which somebody would be recognised, in every table."""
    for table, _ in tables():
        for field in table._meta.fields:
            hidden = isinstance(field, models.BinaryField) or field.name.endswith(
                ("hash", "sealed", "secret")
            )
            if hidden and not field.is_relation:
                values: models.QuerySet[models.Model] = models.QuerySet(table).exclude(
                    **{field.name: None}
                )
                yield from (value for value in values.values_list(field.name, flat=True) if value)


def test_no_secret_sealed_text_or_hash_is_in_it(planted, issue):
    text = issue(environment="staging").text
    planted["owner"].set_password("four words put together")
    planted["owner"].save()
    made = export_data(planted.org("owner"))
    make_data_exports(timezone.now())
    whole = "".join(sheets(taken(made)).values())
    assert text not in whole
    assert planted["owner"].password not in whole
    found = list(secret_values())
    assert len(found) > 10
    for value in found:
        raw = value.encode() if isinstance(value, str) else bytes(value)
        if len(raw) > 8:  # a letter or two planted as a value would be found anywhere
            for shown in (raw.decode(errors="replace"), raw.hex(), base64.b64encode(raw).decode()):
                assert shown not in whole


def test_every_table_is_in_it_or_left_out_for_a_reason():
    known = {sheet.table for sheet in SHEETS} | {
        Sheet for Sheet, _ in tables() if Sheet.__name__ in LEFT_OUT
    }
    assert {table.__name__ for table, _ in tables() if table not in known} == set()
    assert LEFT_OUT.keys() <= {table.__name__ for table, _ in tables()}


def test_no_column_that_proves_somebody_is_in_a_sheet():
    for sheet in SHEETS:
        for column in sheet.columns:
            last = column.rpartition("__")[2]
            assert last not in {"sealed", "sealed_secret", "mark", "pepper_id", "password"}, (
                sheet.name
            )
            assert not last.endswith("hash"), sheet.name


def test_the_other_owners_hear_of_it(planted):
    olga = owner(planted, "olga")
    export_data(planted.org("owner"))
    told = Notice.objects.get(title__startswith="Owner has all data of Acme")
    assert (told.user, told.topic) == (olga, Topic.SECURITY)


def test_one_at_a_time_is_enough(planted):
    first, second = (export_data(planted.org("owner")) for _ in range(2))
    assert first == second
    assert lines("data.exported") == 1
    make_data_exports(timezone.now())
    assert export_data(planted.org("owner")) != first


def test_a_worker_that_was_killed_over_it_is_followed_by_another(
    planted, monkeypatch, time_machine
):
    made = export_data(planted.org("owner"))
    with monkeypatch.context() as killed:
        killed.setattr(data_export, "PART", 500)
        killed.setattr(data_export, "_fill", _dies)
        with pytest.raises(KeyboardInterrupt):
            make_data_exports(timezone.now())
    assert made.parts.exists()
    assert not make_data_exports(timezone.now()), "its lease still runs"
    time_machine.move_to(timezone.now() + timedelta(minutes=6))
    assert make_data_exports(timezone.now()) == 1
    assert "members.jsonl" in sheets(taken(made))


def _dies(archive, organization):
    archive.writestr("half.txt", "x" * 5000, zipfile.ZIP_STORED)
    raise KeyboardInterrupt


def test_a_worker_that_came_too_late_keeps_nothing(planted, monkeypatch):
    made = export_data(planted.org("owner"))
    real = data_export._fill

    def slowly(archive, organization):
        DataExport.objects.filter(pk=made.pk).update(attempt=2)
        real(archive, organization)

    monkeypatch.setattr(data_export, "_fill", slowly)
    assert make_data_exports(timezone.now()) == 0
    made.refresh_from_db()
    assert made.finished_at is None
    assert not made.parts.exists()


def test_a_large_one_is_in_several_parts(planted, monkeypatch):
    monkeypatch.setattr(data_export, "PART", 2000)
    made = export_data(planted.org("owner"))
    make_data_exports(timezone.now())
    assert made.parts.count() > 3
    assert sha256(taken(made)).hexdigest() == made.sha256
    assert sheets(taken(made))


def test_after_seven_days_the_file_ends_and_the_log_remembers(planted, sign_in, time_machine):
    made = export_data(planted.org("owner"))
    make_data_exports(timezone.now())
    forget_data_exports(timezone.now() + KEPT - timedelta(minutes=1))
    assert DataExport.objects.exists()
    forget_data_exports(timezone.now() + KEPT + timedelta(minutes=1))
    assert sign_in("owner").get(f"{EXPORT}{made.public_id}/file/").status_code == 404
    assert AuditEvent.objects.filter(subject=f"data-export:{made.public_id}").exists()


def test_where_nothing_of_the_log_is_signed_it_says_so(acme):
    made = export_data(acme.org("owner"))
    make_data_exports(timezone.now())
    files = sheets(taken(made))
    assert "log.jsonl" not in files
    assert "nothing of it was signed yet" in files["README.txt"]
