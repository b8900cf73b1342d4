"""What workers do while a test waits."""

from datetime import datetime, timedelta

from django.utils import timezone

from keys import tasks
from keys.models import CredentialTest, Rotation
from keys.outcomes import Outcome
from keys.upkeep import rotations


def work(rounds: int = 12) -> None:
    """What a worker does in a minute: every test and every rotation that is due."""
    for _ in range(rounds):
        tasks.step_rotations()
        due = list(CredentialTest.objects.due(timezone.now()).values_list("pk", flat=True))
        if not due:
            return
        for test in due:
            tasks.run_credential_test(test)


def pass_by(time_machine, span: timedelta) -> datetime:
    now = timezone.now() + span
    time_machine.move_to(now)
    work()
    return now


def run_tests() -> list[Outcome | None]:
    """What a worker finds, test by test and step by step, until nothing is due."""
    found: list[Outcome | None] = []
    for _ in range(12):
        for rotation in Rotation.objects.open():
            rotations.advance(rotation.pk, timezone.now())
        due = list(CredentialTest.objects.due(timezone.now()).order_by("pk"))
        if not due:
            return found
        for test in due:
            tasks.run_credential_test(test.pk)
            test.refresh_from_db()
            found.append(test.result)
    raise AssertionError(found)


def later(rotation: Rotation) -> None:
    """The time of waiting for another try is over."""
    past = timezone.now() - timedelta(minutes=5)
    rotation.tests.update(finished_at=past)
    rotations.advance(rotation.pk, timezone.now())
