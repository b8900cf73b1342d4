"""After a year a day's tests are figures; receipts of rotations stay."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from keys import tasks
from keys.models import CredentialTest, DailyFigure, Rotation
from keys.outcomes import Outcome
from keys.upkeep import folding
from tests.keys.made import ask, make_key, make_secret
from tests.keys.pages.addresses import page

pytestmark = pytest.mark.django_db
NOON = datetime(2025, 3, 14, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def secret():
    return make_secret(make_key())


def ended(secret, at: datetime, outcome: Outcome = Outcome.WORKS, took: float | None = 100.0):
    return ask(secret, asked_at=at, finished_at=at, outcome=outcome, duration_ms=took)


def test_a_day_becomes_counts_and_times_once_it_is_a_year_old(secret, time_machine):
    for minute, took in enumerate((100, 300, 200)):
        ended(secret, NOON + timedelta(minutes=minute), took=took)
    ended(secret, NOON, Outcome.REFUSED, 5)
    ended(secret, NOON, Outcome.TIMEOUT, 9999)
    ended(secret, NOON, Outcome.CANCELLED, None)
    time_machine.move_to(NOON + 365 * DAY)
    tasks.fold_tests()
    assert not DailyFigure.objects.exists()
    time_machine.move_to(NOON + 366 * DAY)
    tasks.fold_tests()
    tasks.fold_tests()
    figure = DailyFigure.objects.get()
    assert (figure.key, figure.day) == (secret.key, date(2025, 3, 14))
    assert (figure.worked, figure.failed, figure.unjudged) == (3, 1, 2)
    assert (figure.median_ms, figure.longest_ms) == (200, 300)
    assert not CredentialTest.objects.exists()


def test_days_and_keys_are_kept_apart_and_younger_tests_stay(secret):
    other = make_secret(make_key("other"), "another")
    ended(secret, NOON - timedelta(hours=12, minutes=1))
    ended(secret, NOON)
    ended(other, NOON)
    young = ended(secret, NOON + 300 * DAY)
    assert folding.fold_tests(NOON + 370 * DAY) == 3
    assert CredentialTest.objects.get() == young
    days = DailyFigure.objects.order_by("day", "key").values_list("key", "day", "worked")
    assert list(days) == [
        (secret.key_id, date(2025, 3, 13), 1),
        (secret.key_id, date(2025, 3, 14), 1),
        (other.key_id, date(2025, 3, 14), 1),
    ]


def test_the_receipts_of_a_rotation_stay(secret):
    proof, refusal, accepted = (ended(secret, NOON) for _ in range(3))
    plain = ended(secret, NOON)
    Rotation.objects.create(
        key=secret.key,
        reason="person",
        proven_by=proof,
        refused_by=refusal,
        accepted_by=accepted,
        closed_at=NOON,
    )
    folding.fold_tests(NOON + 370 * DAY)
    assert set(CredentialTest.objects.all()) == {proof, refusal, accepted}
    assert not CredentialTest.objects.filter(pk=plain.pk).exists()
    assert DailyFigure.objects.get().worked == 1


def test_what_comes_late_is_added_to_its_day(secret):
    later = NOON + 370 * DAY
    for took in (100, 200, 300):
        ended(secret, NOON, took=took)
    folding.fold_tests(later)
    ended(secret, NOON, took=900)
    folding.fold_tests(later)
    figure = DailyFigure.objects.get()
    assert (figure.worked, figure.median_ms, figure.longest_ms) == (4, 200, 900)


def test_a_day_without_a_token_has_no_times(secret):
    ended(secret, NOON, Outcome.REFUSED, 20)
    folding.fold_tests(NOON + 370 * DAY)
    figure = DailyFigure.objects.get()
    assert figure.median_ms is figure.longest_ms is None


def test_each_round_is_bounded_and_the_oldest_day_goes_first(secret):
    for days in range(3):
        ended(secret, NOON + days * DAY)
    later = NOON + 400 * DAY
    assert folding.fold_tests(later, limit=2) == 2
    assert CredentialTest.objects.get().asked_at == NOON + 2 * DAY
    assert folding.fold_tests(later, limit=2) == 1
    assert folding.fold_tests(later, limit=2) == 0


def test_the_sparkline_of_a_key_is_the_same_before_and_after(sign_in, issue, time_machine):
    made = issue()
    time_machine.move_to(NOON + 400 * DAY, tick=False)
    now = timezone.now()
    for count in range(60):
        ended(made.secret, now - count * timedelta(minutes=15), took=100 + count)
    for count in range(5):
        ended(made.secret, NOON - count * DAY, took=9000)
    client = sign_in("viewer")

    def line() -> str:
        text = client.get(page("detail", made.key)).content.decode()
        return text[text.index('class="sparkline"') : text.index("</svg>", text.index("sparkline"))]

    before = line()
    assert folding.fold_tests(now) == 5
    assert line() == before
    assert "most 159 ms" in before


def test_what_is_left_of_old_tests_stands_on_the_page_of_tests_day_by_day(sign_in, issue):
    made = issue()
    client, tests = sign_in("viewer"), page("detail", made.key) + "?tab=tests"
    assert "by day" not in client.get(tests).content.decode()
    for number in range(60):
        day = date(2025, 3, 14) - number * DAY
        DailyFigure.objects.create(
            key=made.key, day=day, worked=90 + number, failed=2, unjudged=1, median_ms=212.4, longest_ms=900
        )  # fmt: skip
    shown = client.get(tests).content.decode()
    for words in ("No tests within the last year", "Before 15 Mar 2025, by day", "Fri 14 Mar 2025", "212 ms"):  # fmt: skip
        assert words in shown
    assert "1–31 of 60 days" in shown
    earlier = client.get(f"{tests}&days=2").content.decode()
    assert ">149<" in earlier
    assert ">90<" not in earlier
    assert client.get(f"{tests}&days=x").status_code == 200
    assert sign_in("stranger").get(tests).status_code == 404
