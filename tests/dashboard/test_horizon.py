"""What ends in the next 90 days, week by week."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import time_machine
from django.utils import timezone

from dashboard import horizon, overview
from keys.models import Key, Secret

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=ZoneInfo("UTC"))


def ends(made, days):
    Secret.objects.filter(pk=made.secret.pk).update(
        expires_at=timezone.now() + timedelta(days=days)
    )


def counts(acme, name="engineer"):
    return [week.count for week in horizon.weeks(overview.keys_of(acme.org(name)), timezone.now())]


def test_each_key_counts_in_the_week_in_which_it_ends(acme, issue):
    with time_machine.travel(NOON, tick=False):
        for number, days in enumerate((0.1, 6, 7, 30, 90.9)):
            ends(issue(name=f"key-{number}"), days)
        assert counts(acme) == [2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]


def test_what_is_over_what_ends_later_and_what_is_disabled_do_not_count(acme, issue):
    for name, days in {"over": -1, "later": 92, "off": 5}.items():
        ends(issue(name=name), days)
    issue(name="no-end")
    Key.objects.filter(name="off").update(disabled_at=timezone.now())
    assert counts(acme) == []


def test_a_lead_sees_the_own_teams_keys_alone(acme, issue):
    ends(issue(name="ours", team=acme.team), 3)
    ends(issue(name="theirs", team=acme.other_team), 3)
    assert sum(counts(acme, "lead")) == 1
    assert sum(counts(acme)) == 2


def test_the_page_says_it_in_words_too(acme, issue, client):
    with time_machine.travel(NOON, tick=False):
        ends(issue(), 8)
        client.force_login(acme["viewer"])
        html = client.get("/o/acme/").content.decode()
    assert 'aria-label="1 in the week of 1 Dec. "' in html
    assert "As a table" in html
    assert 'href="/o/acme/expiries/">Open expiries' in html


def test_the_days_are_those_of_the_persons_zone(acme, issue):
    with time_machine.travel(NOON, tick=False), timezone.override(ZoneInfo("Pacific/Auckland")):
        ends(issue(), 0.5)  # the next day there already
        (first, *_) = horizon.weeks(overview.keys_of(acme.org("engineer")), timezone.now())
        assert (first.starts.day, first.count) == (25, 1)
