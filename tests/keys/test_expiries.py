"""What ends next: soonest first, by weeks, said in words before colour."""

from datetime import UTC, datetime, timedelta

import pytest

from environments.models import Environment
from keys.models import Key, Rotation, Secret
from tests.pages import forms

pytestmark = pytest.mark.django_db
PAGE = "/o/acme/expiries/"
DAY = timedelta(days=1)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday


@pytest.fixture(autouse=True)
def today(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def ends(issue):
    """A key whose secret has so many days left, or none."""

    def make(name: str, days: float | None, **more):
        made = issue(name=name, **more)
        at = NOW + timedelta(days=days) if days is not None else None
        Secret.objects.filter(pk=made.secret.pk).update(expires_at=at)
        return made.key

    return make


@pytest.fixture
def shown(sign_in):
    def look(name: str = "engineer", days: int | None = None) -> str:
        answer = sign_in(name).get(PAGE, {"days": days} if days else {})
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())

    return look


def test_the_soonest_comes_first_in_words(ends, shown):
    ends("later", 50)
    ends("soon", 5)
    ends("gone", -10)
    ends("never", None)
    ends("distant", 200)
    page = shown()
    assert page.index("gone") < page.index("soon") < page.index("later")
    assert "3 keys end or come of age within 90 days; 1 has already." in page
    for words in ("Expired 10 d ago", "5 d left", "50 d left", "Already past"):
        assert words in page
    assert "never" not in page
    assert "distant" not in page


def test_weeks_begin_on_a_monday_in_the_persons_zone(ends, shown, acme):
    ends("sunday", 5.4)  # 29 November, 21:36 in London, already Monday in Auckland
    assert "Week of 23 November 2026" in shown()
    acme["engineer"].timezone = "Pacific/Auckland"
    acme["engineer"].save()
    assert "Week of 30 November 2026" in shown()


@pytest.mark.parametrize(("days", "there"), [(30, 1), (60, 2), (90, 3), (365, 4)])
def test_one_looks_as_far_ahead_as_one_chooses(ends, shown, days, there):
    for left in (29, 59, 89, 364):
        ends(f"key-{left}", left)
    assert shown(days=days).count("Rotate</a>") == there


def test_an_unknown_horizon_is_the_usual_one(shown):
    assert "Nothing ends in the next 90 days." in shown(days=7)


def test_many_in_one_week_are_worth_a_note(ends, shown):
    for number in range(5):
        ends(f"key-{number}", 20 + number / 10)
    ends("alone", 40)
    page = shown()
    assert "5 keys end or come of age in the week of 14 December." in page
    assert page.count("come of age in the week") == 1


def test_a_secret_that_comes_of_age_is_due_for_rotation(ends, shown):
    key = ends("ledger", None)
    other = ends("mailer", 80)
    Environment.objects.update(secret_max_age=90 * DAY)
    Secret.objects.filter(key=key).update(created_at=NOW - 60 * DAY)
    Secret.objects.filter(key=other).update(created_at=NOW - 95 * DAY)
    page = shown()
    assert "Due for rotation in 30 d" in page
    assert "Due for rotation since 5 d" in page
    assert "Set expiry of" not in page
    Rotation.objects.create(key=key, reason="schedule")
    assert shown().count("Rotation prepared, waits for a keeper") == 1


def test_of_two_dates_the_nearer_counts(ends, shown):
    ends("ledger", 40)
    Environment.objects.update(secret_max_age=90 * DAY)
    assert "40 d left" in shown()


def test_who_may_not_act_sees_dates_and_no_buttons(ends, shown):
    ends("ledger", 5)
    for name in ("viewer", "support"):
        page = shown(name)
        assert "5 d left" in page
        assert "Rotate</a>" not in page
        assert "Set expiry" not in page


def test_a_lead_sees_and_rotates_the_own_teams_keys_alone(ends, shown, acme):
    ends("theirs", 5)
    ends("ours", 6, team=acme.team)
    page = shown("lead")
    assert "theirs" not in page
    assert "Rotate ours" in page
    assert "Set expiry of ours" in page
    page = shown("teammate")
    assert "ours" in page
    assert "Rotate ours" not in page


def test_keys_at_rest_and_deleted_ones_are_left_out(ends, shown):
    ends("resting", 5)
    ends("gone", 6)
    Key.objects.filter(name="resting").update(disabled_at=NOW)
    Key.objects.filter(name="gone").update(deleted_at=NOW)
    page = shown()
    assert "resting" not in page
    assert "Nothing ends in this time" in page


def test_an_owner_without_a_role_is_told_what_would_be_here(ends, shown):
    ends("ledger", 5)
    page = shown("owner")
    assert "ledger" not in page
    assert "No keys yet" in page


def test_a_stranger_finds_nothing(sign_in):
    assert sign_in("stranger").get(PAGE).status_code == 404


def test_a_page_costs_the_same_however_many_keys_it_shows(
    ends, sign_in, django_assert_max_num_queries
):
    for number in range(12):
        ends(f"key-{number}", number + 1)
    client = sign_in("engineer")
    with django_assert_max_num_queries(20):
        client.get(PAGE)


def test_several_are_ticked_and_rotated_or_given_another_end_at_once(ends, sign_in):
    first, second = ends("first", 3), ends("second", 5)
    page = sign_in("engineer").get(PAGE)
    (bulk,) = [form for form in forms(page.content) if form.action.endswith("/bulk/new/")]
    assert bulk.method == "get"
    said = page.content.decode()
    for key in (first, second):
        assert f'name="key" value="{key.client_id}"' in said
    asked = {"act": "rotate", "key": [first.client_id, second.client_id]}
    assert "Prepare 2 rotations" in sign_in("engineer").get(bulk.action, asked).content.decode()
    assert 'name="key"' not in sign_in("viewer").get(PAGE).content.decode()
