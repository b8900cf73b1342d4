"""Owners take along exactly what the log's page shows, and have the chain checked."""

import csv
import gzip
import io
import json
from datetime import timedelta

import pytest
from django.conf import settings as project
from django.db import connection, transaction
from django.utils import timezone

from environments import append_only, audit, exported, exporting
from environments.events import Event
from environments.models import AuditEvent, LogCheck, LogExport, LogExportPart, Notice
from environments.services import log as verbs
from environments.signing import Verifier
from environments.tasks import look_after_log, work_on_log
from environments.upkeep import log_work
from environments.upkeep.checkpoints import sign_heads
from tests.environments.test_inquiry import act
from tests.log import lines

LOG, EXPORT, CHECK = "/o/acme/log/", "/o/acme/log/export/", "/o/acme/log/check/"


def text_of(answer):
    return b"".join(answer.streaming_content).decode()


def rows_of(answer):
    return list(csv.DictReader(io.StringIO(text_of(answer))))


@pytest.fixture
def verdict(tmp_path):
    def read(data):
        path = tmp_path / "export"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return exported.verify(path, Verifier.parse(project.LATCHKEY_AUDIT_PUBLIC_KEYS))

    return read


@pytest.fixture
def small(monkeypatch):
    """More than five entries count as many."""
    monkeypatch.setattr(verbs, "LARGE", 5)
    monkeypatch.setattr(exporting, "PART", 2000)


def test_the_export_has_the_entries_of_the_page_and_the_count_is_said_first(acme, sign_in):
    for number in range(40):
        act(acme, label=f"n{number}")
    act(acme, Event.TEAM_EDITED, environment="", subject="team:payments")
    client, asked = sign_in("owner"), "?event=key.edited"
    assert f'href="{EXPORT}{asked}"' in client.get(LOG + asked).content.decode()
    page = client.get(EXPORT + asked).content.decode()
    assert "40 entries that fit the filter." in page
    rows = rows_of(client.post(EXPORT + asked, {"form": "csv"}))
    assert [row["label"] for row in rows] == [f"n{number}" for number in reversed(range(40))]
    assert set(rows[0]) == set(exporting.COLUMNS)


def test_changes_are_one_column_of_json(acme, sign_in):
    act(acme, before={"role": "viewer"}, after={"role": "engineer"}, reason="moved")
    (row,) = rows_of(sign_in("owner").post(f"{EXPORT}?event=key.edited", {"form": "csv"}))
    assert json.loads(row["before_after"]) == {
        "before": {"role": "viewer"},
        "after": {"role": "engineer"},
    }
    assert json.loads(row["detail"]) == {"reason": "moved"}


@pytest.mark.parametrize(
    "name", ["=cmd()", "+1", "-1", "@x", "\t=1", "  =1", "\r=1", "\u202e=1", "\ufeff@x", "\uff1d1"]
)
def test_no_cell_is_a_formula(acme, sign_in, name):
    act(acme, label=name)
    (row,) = rows_of(sign_in("owner").post(f"{EXPORT}?event=key.edited", {"form": "csv"}))
    assert row["label"] == f"'{name}"


def test_a_selection_says_that_it_is_one_and_its_entries_can_be_checked(acme, sign_in, verdict):
    act(acme, label="x")
    text = text_of(sign_in("owner").post(f"{EXPORT}?q=x", {"form": "jsonl"}))
    heading = json.loads(text.splitlines()[0])
    assert heading["whole"] is False
    assert "q=x" in heading["asked"]
    found = verdict(text)
    assert found.walked.count == 1
    assert found.walked.fault is None
    assert verdict(text.replace('"label":"x"', '"label":"y"')).walked.fault is not None


def test_the_whole_log_proves_itself(acme, sign_in, verdict):
    act(acme)
    client = sign_in("owner")
    unsigned = client.post(EXPORT, {"form": "jsonl"})
    assert "Nothing is signed yet" in unsigned.content.decode()
    sign_heads(timezone.now())
    last = AuditEvent.objects.filter(organization_id=acme.organization.pk).count()
    act(acme)
    found = verdict(text_of(client.post(EXPORT, {"form": "jsonl"})))
    assert found.heading.whole
    assert found.walked.fault is None
    assert (found.walked.sequence, found.walked.signed) == (last, last)


def test_each_export_is_in_the_log_with_its_filter_and_a_look_is_not(acme, sign_in):
    act(acme)
    client = sign_in("owner")
    client.get(EXPORT)
    assert lines("log.exported") == 0
    client.post(f"{EXPORT}?event=key", {"form": "csv"})
    event = AuditEvent.objects.get(event="log.exported")
    assert event.detail["filter"].startswith("event=key&until=")
    assert event.detail["entries"] == 1


def test_owners_alone_may(acme, sign_in):
    for address in (EXPORT, CHECK):
        assert sign_in("admin").post(address, {"form": "csv"}).status_code == 403
        assert sign_in("engineer").post(address, {"form": "csv"}).status_code == 403
        assert sign_in("stranger").post(address, {"form": "csv"}).status_code == 404
    assert LogCheck.objects.count() == 0
    assert not Notice.objects.exists()


def test_a_large_one_is_made_by_a_worker_and_downloaded_from_its_page(
    acme, sign_in, small, verdict
):
    for number in range(30):
        act(acme, label=f"n{number}")
    client = sign_in("owner")
    answer = client.post(f"{EXPORT}?event=key", {"form": "jsonl"})
    made = LogExport.objects.get()
    assert answer.headers["Location"] == f"/o/acme/log/exports/{made.public_id}/"
    page = client.get(answer.headers["Location"]).content.decode()
    assert "A worker puts it together" in page
    assert client.get(f"{answer.headers['Location']}file/").status_code == 404
    act(acme, label="too late")
    work_on_log()
    page = client.get(answer.headers["Location"]).content.decode()
    assert "It is ready" in page
    file = client.get(f"{answer.headers['Location']}file/")
    data = b"".join(file.streaming_content)
    assert LogExportPart.objects.count() > 1
    assert verdict(data).walked.count == 30
    assert "too late" not in gzip.decompress(data).decode()
    assert lines("log.downloaded") == 1
    assert sign_in("admin").get(f"{answer.headers['Location']}file/").status_code == 403


def test_a_large_whole_log_proves_itself_as_well(acme, sign_in, small, verdict):
    for _ in range(12):
        act(acme)
    sign_heads(timezone.now())
    client = sign_in("owner")
    page = client.post(EXPORT, {"form": "jsonl"}).headers["Location"]
    work_on_log()
    data = b"".join(client.get(f"{page}file/").streaming_content)
    found = verdict(data)
    assert found.heading.whole
    assert found.walked.fault is None
    assert found.walked.signed == found.walked.sequence


def test_three_at_a_time_are_enough(acme, sign_in, small):
    for _ in range(8):
        act(acme)
    client = sign_in("owner")
    for _ in range(3):
        assert client.post(EXPORT, {"form": "csv"}).status_code == 302
    assert "Several exports are being made" in client.post(EXPORT, {"form": "csv"}).content.decode()
    assert LogExport.objects.count() == 3


def test_whoever_was_killed_over_it_is_followed_by_another_and_drops_nothing_in(
    acme, sign_in, small
):
    for _ in range(30):
        act(acme)
    sign_in("owner").post(EXPORT, {"form": "csv"})
    now = timezone.now()
    slow = LogExport.objects.claim(LogExport.objects.get().pk, now)
    assert slow is not None
    LogExportPart.objects.create(export=slow, number=0, data=b"half")
    assert log_work.make_exports(now) == 0, "it is leased"
    LogExport.objects.update(leased_until=now - timedelta(seconds=1))
    assert log_work.make_exports(now) == 1
    before = LogExportPart.objects.count()
    assert not log_work._still_mine(slow)
    assert LogExportPart.objects.count() == before
    assert all(gzip.decompress(bytes(part.data)) for part in LogExportPart.objects.all())


def test_what_three_workers_died_of_is_given_up_and_said(acme, sign_in, small):
    for _ in range(8):
        act(acme)
    client = sign_in("owner")
    page = client.post(EXPORT, {"form": "csv"}).headers["Location"]
    LogExport.objects.update(attempt=3)
    work_on_log()
    assert "It could not be made" in client.get(page).content.decode()


def test_an_export_goes_after_three_days(acme, sign_in, small):
    for _ in range(8):
        act(acme)
    sign_in("owner").post(EXPORT, {"form": "csv"})
    work_on_log()
    log_work.forget_log_work(timezone.now() + timedelta(days=2))
    assert LogExport.objects.exists()
    log_work.forget_log_work(timezone.now() + timedelta(days=4))
    assert not LogExportPart.objects.exists()


def test_the_public_key_is_there_for_anybody(client):
    answer = client.get("/audit/keys.json")
    assert answer.content.decode() == project.LATCHKEY_AUDIT_PUBLIC_KEYS
    assert "private" not in answer.content.decode()


def test_an_owner_has_the_chain_checked_and_reads_the_answer(acme, sign_in):
    act(acme)
    sign_heads(timezone.now())
    client = sign_in("owner")
    assert "Not checked yet" in client.get(LOG).content.decode()
    assert client.post(CHECK).status_code == 302
    client.post(CHECK)
    assert LogCheck.objects.count() == 1, "one that waits is enough"
    assert "A check is under way" in client.get(LOG).content.decode()
    work_on_log()
    page = client.get(LOG).content.decode()
    assert "Chain ok" in page
    assert lines("log.checked") == 1
    assert not Notice.objects.exists()


def test_owners_hear_of_a_chain_that_is_not_what_was_written(acme, sign_in):
    event = act(acme)
    append_only.drop_triggers(connection)
    AuditEvent.objects.filter(pk=event.pk).update(label="forged")
    append_only.install_triggers(connection)
    look_after_log()
    work_on_log()
    page = sign_in("owner").get(LOG).content.decode()
    assert "Not what was written" in page
    assert f"entry {event.sequence} was changed" in page
    (notice,) = Notice.objects.filter(user=acme["owner"])
    assert f"entry {event.sequence} was changed" in notice.text


def test_each_chain_is_checked_once_a_day(acme):
    now = timezone.now()
    log_work.ask_for_checks(now)
    log_work.ask_for_checks(now + timedelta(hours=23))
    assert LogCheck.objects.count() == 3, "Acme, the stranger's, and the installation's"
    log_work.ask_for_checks(now + timedelta(hours=25))
    assert LogCheck.objects.count() == 6


def test_a_fault_in_the_installations_own_chain_is_told_in_the_log_file(acme, caplog):
    with transaction.atomic():
        event = audit.record(audit.Installation(), Event.SIGN_IN_FAILED, "door")
    append_only.drop_triggers(connection)
    AuditEvent.objects.filter(pk=event.pk).update(label="forged")
    append_only.install_triggers(connection)
    look_after_log()
    work_on_log()
    check = LogCheck.objects.get(organization=None)
    assert "entry 1 was changed" in check.fault
    told = [record.msg for record in caplog.records if record.levelname == "ERROR"]
    assert [(line["event"], line["organization"]) for line in told] == [
        ("the log is not what was written", audit.INSTALLATION)
    ]


def test_the_page_says_when_nobody_signs_any_more(acme, sign_in):
    act(acme)
    sign_heads(timezone.now() - timedelta(minutes=20))
    assert "The log is not being signed" in sign_in("owner").get(LOG).content.decode()
    sign_heads(timezone.now())
    assert "The log is not being signed" not in sign_in("owner").get(LOG).content.decode()
