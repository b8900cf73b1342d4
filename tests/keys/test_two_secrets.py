"""What the page of a rotation tells of its two secrets: when each ends, and who still uses the old one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keys.models import HourOfUse
from keys.progress.receipts import lately
from keys.progress.stages import progress_of
from keys.progress.states import both_ends, overlap_of
from tests.keys import staged


def said_of_ends(rotation) -> list[str]:
    return [each.words.removesuffix(".") for each in both_ends(rotation, timezone.now())]


def test_one_sentence_tells_the_ends_of_both_secrets_apart(acme, issue):
    rotation = staged.draining(acme.enter("engineer"), issue().key)
    old, new = staged.old_of(rotation), staged.new_of(rotation)
    assert said_of_ends(rotation) == [
        f"New secret …{new.hint} has no expiry",
        f"Old secret …{old.hint} ends",
    ]
    assert both_ends(rotation, timezone.now())[1].at == rotation.ends_at
    soon = timezone.now() + timedelta(hours=2)
    staged.change(old, expires_at=soon)
    staged.change(new, expires_at=soon + timedelta(days=90))
    rotation.refresh_from_db()
    assert said_of_ends(rotation) == [
        f"New secret …{new.hint} expires",
        f"Old secret …{old.hint} expires",
    ]
    assert both_ends(rotation, timezone.now())[1].at == soon


def test_before_the_new_secret_is_proven_the_old_one_has_no_end(acme, issue):
    rotation = staged.proving(acme.enter("engineer"), issue().key)
    assert said_of_ends(rotation)[1] == f"Old secret …{staged.old_of(rotation).hint} works on"


@pytest.mark.parametrize("state", ["prepared", "dying", "leaked"])
def test_where_one_secret_lives_there_is_one_end_to_tell(acme, issue, state):
    rotation = staged.STATES[state](acme.enter("engineer"), issue().key)
    assert both_ends(rotation, timezone.now()) == []


def test_the_line_of_time_begins_with_the_old_secret_at_the_earliest(acme, issue):
    rotation = staged.draining(acme.enter("engineer"), issue().key)
    old, new = staged.old_of(rotation), staged.new_of(rotation)
    staged.change(old, created_at=new.created_at - timedelta(minutes=3))
    rotation.refresh_from_db()
    drawn = overlap_of(rotation, timezone.now())
    assert drawn
    assert drawn.begins == staged.old_of(rotation).created_at
    assert drawn.bars[0].x == 0


def count(secret, ago: timedelta, tokens: int, address: str = "10.0.0.7", reason: str = "") -> None:
    hour = (timezone.now() - ago).replace(minute=0, second=0, microsecond=0)
    HourOfUse.objects.create(
        key=secret.key,
        proof=secret.public_id,
        address=address,
        hour=hour,
        count=tokens,
        reason=reason,
    )


def test_who_is_still_on_the_old_secret_is_told_by_the_hours_that_were_counted(acme, issue):
    rotation = staged.draining(acme.enter("engineer"), issue().key)
    old, now = staged.old_of(rotation), timezone.now()

    def said() -> str:
        line = lately(old.key, old, now)
        return line.words if line else ""

    count(old, timedelta(hours=2), 500)
    count(old, timedelta(), 9, reason="disabled")
    assert said() == "", "used just now, and not counted yet"
    staged.used(old, timedelta(hours=2))
    assert said() == "No token in this hour and the one before."
    staged.used(old, timedelta(minutes=1))
    count(old, timedelta(), 1)
    assert said() == "1 token in this hour and the one before, from 10.0.0.7."
    count(old, timedelta(hours=1), 1200)
    for last in range(8, 11):
        count(old, timedelta(), 1, f"10.0.0.{last}")
    count(staged.new_of(rotation), timedelta(), 88)
    words = said()
    assert words.startswith("1,204 tokens in this hour and the one before, from 10.0.0.7, ")
    assert words.endswith(" and 1 more.")
    shown = progress_of(rotation, now, now).stages[3].lines
    assert [line.words for line in shown if "in this hour" in line.words] == [
        words,
        "88 tokens in this hour and the one before, from 10.0.0.7.",
    ]


def test_what_was_never_used_has_no_hours(acme, issue):
    rotation = staged.begun(acme.enter("engineer"), issue().key)
    assert lately(rotation.key, staged.old_of(rotation), timezone.now()) is None


def test_addresses_that_were_too_many_to_be_told_apart_are_not_named(acme, issue):
    rotation = staged.draining(acme.enter("engineer"), issue().key)
    old = staged.old_of(rotation)
    count(old, timedelta(), 5, "")
    line = lately(old.key, old, timezone.now())
    assert line
    assert line.words == "5 tokens in this hour and the one before, from many addresses."
