"""The log is let go only below a signed floor: by its retention, or with its organization; and the rest still proves itself."""

from datetime import timedelta

import pytest
from django.conf import settings as project
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from environments import append_only, audit, exported, exporting, verifying
from environments.events import Event
from environments.models import AuditEvent, AuditFloor, AuditHead, Notice, Organization
from environments.services.log import set_retention
from environments.signing import Verifier
from environments.upkeep import floors
from environments.upkeep.checkpoints import sign_heads
from environments.upkeep.floors import look_after_floors
from tests.environments.test_inquiry import act
from tests.log import events, lines

RETENTION, LOG = "/o/acme/log/retention/", "/o/acme/log/"
DAYS = timedelta(days=90)


def sound():
    return verifying.verify(Verifier.parse(project.LATCHKEY_AUDIT_PUBLIC_KEYS), timezone.now())


@pytest.fixture
def aged(acme, time_machine):
    """An organization with a hundred days of history, a third of it too old for ninety days; all signed."""
    now = timezone.now()
    for day in (100, 95, 91, 50, 1):
        time_machine.move_to(now + timedelta(days=100 - day))
        act(acme, label=f"{day} days ago")
        sign_heads(timezone.now())
    time_machine.move_to(now + timedelta(days=100))
    return acme


def labels():
    rows = AuditEvent.objects.filter(event="key.edited").order_by("sequence")
    return list(rows.values_list("label", flat=True))


@pytest.fixture
def settle(aged, time_machine):
    def later(hours=25):
        time_machine.move_to(timezone.now() + timedelta(hours=hours))
        sign_heads(timezone.now())
        look_after_floors(timezone.now())

    return later


def test_what_is_too_old_goes_once_the_change_has_settled_and_the_rest_is_sound(aged, settle):
    set_retention(aged.org("owner"), DAYS)
    look_after_floors(timezone.now())
    settle(hours=23)
    assert len(labels()) == 5, "owners may still take it back"
    settle(hours=2)
    assert labels() == ["50 days ago", "1 days ago"]
    assert events(event="log.shortened") == ["log.shortened"]
    report = sound()
    assert report.sound
    assert report.chains[aged.organization.pk].fault is None
    floor = AuditFloor.objects.get()
    assert floor.emptied_at is not None
    assert floor.reason == "entries are kept for 90 days"


def test_the_shorter_log_still_proves_itself_as_an_export(aged, settle, tmp_path):
    set_retention(aged.org("owner"), DAYS)
    settle()
    sign_heads(timezone.now() + timedelta(minutes=6))
    span = exporting.SignedRange.of(aged.organization.pk)
    assert span is not None
    path = tmp_path / "log.jsonl"
    path.write_text("".join(span.lines("Acme")))
    found = exported.verify(path, Verifier.parse(project.LATCHKEY_AUDIT_PUBLIC_KEYS))
    assert found.walked.fault is None
    assert found.walked.signed == span.last
    assert found.walked.count == span.last - AuditFloor.objects.get().sequence


def test_it_goes_on_by_itself_once_a_day_after_the_change_itself_is_gone(aged, settle):
    set_retention(aged.org("owner"), DAYS)
    settle()
    settle(hours=1)
    assert AuditFloor.objects.count() == 1
    settle(hours=24 * 100)
    assert labels() == []
    assert not AuditEvent.objects.filter(event="log.retention-changed").exists()
    settle(hours=24 * 100)
    assert AuditFloor.objects.count() >= 2
    assert sound().sound


def test_a_retention_that_the_log_knows_nothing_of_lets_nothing_go(aged, settle):
    Organization.objects.filter(pk=aged.organization.pk).update(log_kept=DAYS)
    settle()
    assert len(labels()) == 5
    set_retention(aged.org("owner"), timedelta(days=365))
    Organization.objects.filter(pk=aged.organization.pk).update(log_kept=timedelta(days=1))
    settle()
    assert len(labels()) == 5


def test_a_log_that_was_changed_keeps_every_entry(aged, settle):
    set_retention(aged.org("owner"), DAYS)
    append_only.drop_triggers(connection)
    AuditEvent.objects.filter(label="95 days ago").update(label="forged")
    append_only.install_triggers(connection)
    settle()
    assert len(labels()) == 5
    assert not AuditFloor.objects.exists()


def test_a_floor_that_we_did_not_sign_empties_nothing(aged, settle):
    event = AuditEvent.objects.get(label="1 days ago")
    AuditFloor.objects.create(
        organization_id=aged.organization.pk, sequence=event.sequence, digest=event.digest,
        asked_at=timezone.now(), reason="forged", key_id="57f9685c8ee27150", signature="A" * 86,
    )  # fmt: skip
    settle()
    assert len(labels()) == 5


def test_a_floor_asked_for_an_organization_that_is_still_there_is_not_signed(aged, settle):
    audit.let_go(aged.organization.pk, "never mind")
    settle()
    assert len(labels()) == 5
    assert AuditFloor.objects.get().signature == ""


def test_with_an_organization_its_log_goes_and_the_installation_remembers(acme, time_machine):
    pk, standing = acme.organization.pk, audit.Machine(acme.organization.pk)
    act(acme)
    sign_heads(timezone.now())
    with transaction.atomic():
        acme.organization.delete()
        audit.record(standing, Event.ORGANIZATION_DELETED, "organization:acme", label="Acme")
        audit.let_go(pk, "the organization was deleted")
    look_after_floors(timezone.now())
    assert not AuditEvent.objects.filter(organization_id=pk).exists()
    (told,) = AuditEvent.objects.filter(organization_id=audit.INSTALLATION, event="log.shortened")
    assert told.subject == f"log:{pk}"
    assert told.detail["reason"] == "the organization was deleted"
    assert AuditHead.objects.filter(organization_id=pk).exists()
    sign_heads(timezone.now() + timedelta(minutes=6))
    assert sound().sound
    look_after_floors(timezone.now())
    assert lines("log.shortened") == 1


def test_a_worker_that_was_killed_while_it_deleted_is_followed_by_another(
    aged, settle, monkeypatch
):
    set_retention(aged.org("owner"), DAYS)
    with monkeypatch.context() as killed:
        killed.setattr(floors, "_empty", lambda floor: None)
        settle()
    assert len(labels()) == 5
    assert sound().sound, "signed, and not yet deleted"
    look_after_floors(timezone.now())
    assert len(labels()) == 2


def test_nothing_above_a_floor_can_be_deleted(aged, settle):
    set_retention(aged.org("owner"), DAYS)
    settle()
    for entry in AuditEvent.objects.filter(organization_id=aged.organization.pk):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            entry.delete()


def test_an_owner_sets_it_sees_what_goes_and_all_owners_hear_of_it(aged, sign_in):
    client = sign_in("owner")
    page = client.get(RETENTION).content.decode()
    assert "4 entries are older now." in page
    assert client.post(RETENTION, {"kept": "90"}).status_code == 302
    (event,) = AuditEvent.objects.filter(event="log.retention-changed")
    assert event.detail == {"before": {"days": None}, "after": {"days": 90}}
    assert "Kept for 90 days" in client.get(LOG).content.decode()
    (notice,) = Notice.objects.filter(user=aged["owner"])
    assert "can be taken back" in notice.text
    client.post(RETENTION, {"kept": "90"})
    assert lines("log.retention-changed") == 1
    client.post(RETENTION, {"kept": "all"})
    assert "Kept for good" in client.get(LOG).content.decode()


def test_what_nobody_offered_changes_nothing(acme, sign_in):
    client = sign_in("owner")
    for kept in ("", "1", "x", "\x00", "-90"):
        assert "Nothing was changed" in client.post(RETENTION, {"kept": kept}).content.decode()
    assert lines("log.retention-changed") == 0


def test_others_may_not_and_an_old_sign_in_is_asked_again(acme, sign_in):
    assert sign_in("admin").post(RETENTION, {"kept": "90"}).status_code == 403
    assert sign_in("stranger").post(RETENTION, {"kept": "90"}).status_code == 404
    assert "reauthenticate" in sign_in("owner", 3600).get(RETENTION).headers["Location"]
    acme.organization.refresh_from_db()
    assert acme.organization.log_kept is None


def test_the_page_says_what_is_gone(aged, settle, sign_in):
    set_retention(aged.org("owner"), DAYS)
    settle()
    page = sign_in("owner").get(LOG).content.decode()
    assert (
        f"Entries up to {AuditFloor.objects.get().sequence} were removed (entries are kept for 90 days)."
        in page
    )
