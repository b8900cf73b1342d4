"""What comes of age is asked for in time, and nothing is cut."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.utils import timezone

from environments.events import Event
from environments.models import AuditEvent, Environment, Notice
from keys import tasks
from keys.models import Key, PublicKey, Rotation, Secret
from keys.upkeep import ages, endings

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def made(issue):
    made = issue()
    Secret.objects.update(collected_at=timezone.now())
    return made


@pytest.fixture
def allow():
    """The policy of every environment."""

    def say(days: int | None) -> None:
        age = timedelta(days=days) if days else None
        Environment.objects.update(secret_max_age=age)

    return say


@pytest.fixture
def later(time_machine):
    def go(**span: float) -> None:
        time_machine.move_to(timezone.now() + timedelta(**span))
        tasks.watch_ages()
        tasks.watch_ages()  # another beat

    return go


def prepared() -> list[Rotation]:
    return list(Rotation.objects.filter(reason="schedule").order_by("pk"))


def test_nine_days_before_the_age_of_ninety_a_rotation_is_prepared_and_its_keepers_asked(
    made, allow, later, acme
):
    allow(90)
    later(days=80)
    assert prepared() == []
    later(days=1, minutes=1)
    (rotation,) = prepared()
    assert (rotation.old, rotation.new, rotation.asked_by) == (made.secret, None, None)
    assert rotation.grace == made.key.environment.grace_default
    notice = Notice.objects.get()
    assert (notice.user, notice.title) == (
        acme["engineer"],
        "billing-api in Development is due for rotation",
    )
    assert notice.path.endswith(f"/keys/{made.key.client_id}/rotate/")
    line = AuditEvent.objects.get(event=Event.ROTATION_PREPARED)
    assert line.detail["rotation"] == rotation.public_id
    assert line.actor == ""
    made.secret.refresh_from_db()
    assert made.secret.revoked_at is made.secret.expires_at is None


def test_at_most_a_fortnight_ahead(made, allow, later):
    allow(365)
    later(days=350)
    assert prepared() == []
    later(days=1, minutes=1)
    assert len(prepared()) == 1


def test_without_a_maximum_age_nothing_comes_of_age(made, allow, later):
    allow(None)
    later(days=3000)
    assert prepared() == []


@pytest.mark.parametrize(
    "rest",
    [
        lambda key: Key.objects.update(disabled_at=timezone.now()),
        lambda key: Key.objects.update(deleted_at=timezone.now()),
        lambda key: Secret.objects.update(revoked_at=timezone.now()),
        lambda key: Rotation.objects.create(key=key, old=key.secrets.get(), reason="person"),
    ],
    ids=["disabled", "deleted", "without a secret", "rotating already"],
)
def test_a_key_that_rests_or_rotates_is_not_prepared(rest, made, allow, later):
    allow(90)
    rest(made.key)
    later(days=100)
    assert prepared() == []


def test_one_that_lapsed_is_prepared_again_after_a_week_and_not_before(made, allow, later):
    allow(90)
    later(days=85)
    Rotation.objects.update(closed_at=timezone.now(), outcome="lapsed")
    later(days=6)
    assert len(prepared()) == 1
    later(days=1, minutes=1)
    assert len(prepared()) == 2
    assert Notice.objects.count() == 2


def test_nobody_takes_it_up_so_it_lapses_and_the_old_secret_lives(made, allow, later, time_machine):
    allow(90)
    later(days=85)
    time_machine.move_to(timezone.now() + timedelta(days=7, minutes=1))
    tasks.step_rotations()
    (rotation,) = prepared()
    assert rotation.outcome == Rotation.Outcome.LAPSED
    made.secret.refresh_from_db()
    assert made.secret.revoked_at is None


def test_each_round_is_bounded(issue, allow, time_machine):
    for number in range(3):
        issue(name=f"key-{number}")
    allow(90)
    time_machine.move_to(timezone.now() + 85 * DAY)
    now = timezone.now()
    assert [len(ages.prepare_rotations(now, limit=2)) for _ in range(3)] == [2, 1, 0]


def titles() -> list[str]:
    return list(Notice.objects.order_by("at", "pk").values_list("title", flat=True))


def ends(days: float) -> None:
    Secret.objects.update(expires_at=timezone.now() + timedelta(days=days))


def test_keepers_hear_thirty_fourteen_seven_days_and_a_day_before_and_when_it_has_ended(
    made, later
):
    ends(60)
    for _ in range(70):
        later(days=1)
    assert titles() == [
        "billing-api in Development expires within 30 days",
        "billing-api in Development expires within 14 days",
        "billing-api in Development expires within 7 days",
        "billing-api in Development expires within a day",
        "billing-api in Development has expired",
    ]
    assert {notice.user.email for notice in Notice.objects.all()} == {"engineer@acme.test"}


def test_a_rung_that_was_past_when_the_secret_was_made_is_left_out(made, later):
    ends(10)
    later(minutes=5)
    assert titles() == []
    later(days=3)
    assert titles() == ["billing-api in Development expires within 7 days"]


def test_after_a_long_silence_one_notice_comes_and_not_four(made, later):
    ends(60)
    later(days=59, hours=12)
    assert titles() == ["billing-api in Development expires within a day"]


def test_a_later_end_begins_the_ladder_anew(made, later):
    ends(60)
    later(days=31)
    ends(60)
    later(days=31)
    assert titles() == ["billing-api in Development expires within 30 days"] * 2


def test_keepers_hear_of_a_public_key_too_and_what_to_do(acme, issue, later):
    key = issue().key
    Secret.objects.all().delete()
    PublicKey.objects.create(
        key=key, kid="march", algorithm="ES256", jwk="{}", kind="P-256",
        expires_at=timezone.now() + 60 * DAY,
    )  # fmt: skip
    for _ in range(70):
        later(days=1)
    assert titles() == [
        "billing-api in Development expires within 30 days",
        "billing-api in Development expires within 14 days",
        "billing-api in Development expires within 7 days",
        "billing-api in Development expires within a day",
        "billing-api in Development has expired",
    ]
    first = Notice.objects.earliest("pk")
    assert "public key march" in first.text
    assert first.path.endswith("/public-keys/add/")


def test_what_expired_long_ago_is_no_news(made, later):
    ends(60)
    later(days=90)
    assert titles() == []


def test_only_the_newest_secret_is_spoken_of(made, later):
    ends(60)
    Secret.objects.create(key=made.key, hint="new", created_at=timezone.now() + DAY)
    later(days=40)
    assert titles() == []


def test_the_unproven_secret_of_a_rotation_does_not_hush_the_old_ones_end(made, later):
    ends(60)
    new = Secret.objects.create(key=made.key, hint="new", created_at=timezone.now() + DAY)
    Rotation.objects.create(key=made.key, old=made.secret, new=new, reason="person")
    later(days=40)
    assert titles() == ["billing-api in Development expires within 30 days"]


def test_warnings_are_bounded_too(issue, time_machine):
    for number in range(3):
        issue(name=f"key-{number}")
    ends(40)
    time_machine.move_to(timezone.now() + 15 * DAY)
    now = timezone.now()
    assert [endings.warn_of_expiries(now, limit=2) for _ in range(3)] == [2, 1, 0]


@pytest.mark.django_db(transaction=True)
def test_four_beats_at_the_same_moment_prepare_one_rotation_and_warn_once(
    made, allow, time_machine
):
    allow(90)
    ends(90)
    time_machine.move_to(timezone.now() + 89.5 * DAY)
    now = timezone.now()
    start = Barrier(4)

    def beat() -> None:
        start.wait()
        ages.prepare_rotations(now)
        endings.warn_of_expiries(now)
        connection.close()

    beats = [Thread(target=beat) for _ in range(4)]
    for each in beats:
        each.start()
    for each in beats:
        each.join()
    assert len(prepared()) == 1
    assert sorted(titles()) == [
        "billing-api in Development expires within a day",
        "billing-api in Development is due for rotation",
    ]
