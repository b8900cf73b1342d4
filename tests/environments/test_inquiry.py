"""What the log is asked, in its address: each filter alone and together, one entry by its link, hostile names."""

import json
import logging
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from structlog.stdlib import ProcessorFormatter

from environments import append_only, audit, inquiry
from environments.events import Event
from environments.models import AuditEvent, Member
from environments.origin import Origin
from environments.upkeep.checkpoints import sign_heads

LOG = "/o/acme/log/"
HERE = "/o/acme/e/development/log/"


def act(acme, event=Event.KEY_EDITED, by="engineer", subject="key:ck_a", **more):
    environment = more.pop("environment", "development")
    address = more.pop("address", "192.0.2.1")
    actor = acme[by] if by else None
    standing = audit.Machine(acme.organization.pk, environment, actor, Origin(address, "req-1"))
    with transaction.atomic():
        return audit.record(standing, event, subject, **more)


def found(answer):
    return [row.event.sequence for row in answer.context["rows"]]


@pytest.fixture
def lines(acme):
    return {
        "edited": act(acme, label="billing-api", before={"note": "old"}, after={"note": "new"}),
        "live": act(acme, Event.KEY_CREATED, environment="production", subject="key:ck_b"),
        "refused": act(acme, Event.DENIED, "viewer", "page:/x", label="key:rotate", denied=True),
        "clock": act(acme, Event.KEY_FAILING, None, "key:ck_c", address=""),
        "far": act(acme, Event.TEAM_EDITED, "lead", "team:payments", address="2001:db8::7"),
    }


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("q=BILLING", ["edited"]),
        ("q=ck_b", ["live"]),
        ("q=Viewer", ["refused"]),
        ("q=2001:db8", ["far"]),
        ("q=req-1&event=key", ["clock", "live", "edited"]),
        ("actor=lead@acme.test", ["far"]),
        ("actor=Viewer", ["refused"]),
        ("actor=latchkey", ["clock"]),
        ("by=0", ["clock"]),
        ("event=key.created", ["live"]),
        ("event=key", ["clock", "live", "edited"]),
        ("event=team", ["far"]),
        ("about=key:ck_c", ["clock"]),
        ("about=payments", ["far"]),
        ("environment=production", ["live"]),
        ("result=refused", ["refused"]),
        ("result=allowed&event=access", []),
        ("address=2001:db8::7", ["far"]),
        ("address=192.0.2.1&event=key.edited&actor=engineer&result=allowed", ["edited"]),
        ("span=1h&event=team", ["far"]),
        ("until=2020-01-01T00:00", []),
        ("since=2999-01-01T00:00", []),
        ("since=2020-01-01T00:00&until=2999-01-01T00:00&event=team", ["far"]),
    ],
)
def test_each_filter_alone_and_together(acme, sign_in, lines, asked, expected):
    answer = sign_in("owner").get(f"{LOG}?{asked}")
    assert found(answer) == [lines[name].sequence for name in expected]
    page = answer.content.decode()
    assert "Remove filter" in page
    if not expected:
        assert "No match" in page


def test_a_person_is_found_by_number_and_named_in_the_filter(acme, sign_in, lines):
    answer = sign_in("owner").get(LOG, {"by": acme["lead"].pk})
    assert found(answer) == [lines["far"].sequence]
    assert "Remove filter Who: Lead" in answer.content.decode()


@pytest.mark.parametrize(
    "asked",
    ["event=x", "result=x", "span=x", "since=x", "until=2026-02-30T25:00", "by=x", "by=-1", "environment=", "span=9d"],
)  # fmt: skip
def test_what_nobody_could_mean_narrows_nothing(acme, sign_in, lines, asked):
    answer = sign_in("owner").get(f"{LOG}?{asked}")
    assert set(found(answer)) >= {line.sequence for line in lines.values()}


def test_an_entry_shows_what_changed_and_links_to_all_that_share_a_value(acme, sign_in, lines):
    sign_in_as = sign_in("owner")
    page = sign_in_as.get(LOG, {"entry": lines["edited"].sequence}).content.decode()
    assert "<bdi>old</bdi></del>" in page
    assert "<bdi>new</bdi></ins>" in page
    assert "req-1" in page
    for link in (
        f"?by={acme['engineer'].pk}", "?event=key.edited", "?about=key%3Ack_a",
        "?environment=development", "?address=192.0.2.1", f"?entry={lines['edited'].sequence}",
    ):  # fmt: skip
        assert f'href="{LOG}{link}"' in page
        assert sign_in_as.get(LOG + link).context["rows"]


def test_an_entry_of_somebody_elses_reach_is_not_found(acme, sign_in, lines):
    live = {"entry": lines["live"].sequence}
    assert sign_in("engineer").get(HERE, live).status_code == 404
    assert sign_in("engineer").get("/o/acme/e/production/log/", live).status_code == 200
    assert sign_in("lead").get(HERE, {"entry": lines["edited"].sequence}).status_code == 404
    assert sign_in("owner").get(LOG, {"entry": 10**9}).status_code == 404
    assert sign_in("owner").get(LOG, {"entry": "9" * 19}).status_code == 404


@pytest.mark.parametrize("asked", ["environment=production", "by=0", "q=ck_b", "event=key"])
def test_no_filter_leads_out_of_the_environment(acme, sign_in, lines, asked):
    answer = sign_in("engineer").get(f"{HERE}?{asked}")
    assert {row.event.environment for row in answer.context["rows"]} <= {"development"}


@pytest.mark.parametrize("asked", ["", "q=ck", "event=key", "by=0", "about=key:ck_a"])
def test_no_filter_leads_a_team_to_keys_of_others(acme, sign_in, lines, issue, asked):
    mine = issue(name="ours", team=acme.team)
    answer = sign_in("teammate").get(f"{HERE}?{asked}")
    assert {row.event.subject for row in answer.context["rows"]} <= {f"key:{mine.key.client_id}"}


def test_whoever_left_keeps_an_address_and_is_said_to_be_removed(acme, sign_in, lines):
    Member.objects.filter(user=acme["lead"]).delete()
    page = sign_in("owner").get(LOG, {"event": "team"}).content.decode()
    assert "<bdi>lead@acme.test</bdi> (removed) edited the team" in page


def test_text_is_looked_for_so_far_back_at_a_time_and_the_page_says_so(acme, sign_in, monkeypatch):
    monkeypatch.setattr(inquiry, "WINDOW", 10)
    wanted = act(acme, label="needle")
    for _ in range(25):
        act(acme, label="hay")
    client, address, seen = sign_in("owner"), f"{LOG}?q=needle", []
    for _ in range(9):
        answer = client.get(address)
        seen += found(answer)
        looked = answer.context["found"]
        if looked.older is None:
            break
        assert "Look further back" in answer.content.decode()
        assert "No match" not in answer.content.decode()
        address = f"{LOG}?q=needle&before={looked.older}"
    assert seen == [wanted.sequence]


def test_the_newest_come_first_by_their_time_even_after_the_clock_was_set_back(
    acme, sign_in, time_machine
):
    later = timezone.now() + timedelta(hours=2)
    time_machine.move_to(later)
    ahead = act(acme, label="ahead")
    time_machine.move_to(later - timedelta(hours=1))
    behind = act(acme, label="behind")
    rows = found(sign_in("owner").get(LOG, {"event": "key.edited"}))
    assert rows == [ahead.sequence, behind.sequence]
    rest = sign_in("owner").get(LOG, {"event": "key.edited", "before": ahead.sequence})
    assert found(rest) == [behind.sequence]


def test_the_page_asks_the_database_equally_often_for_one_entry_and_for_a_page_of_them(
    acme, sign_in
):
    client, counts = sign_in("owner"), []
    for _ in range(2):
        act(acme)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.get(LOG)
        counts.append(len(seen))
        for _ in range(40):
            act(acme, by="support")
    assert counts[0] == counts[1]


HOSTILE = ["\u202egnp.exe", "\u2066\u2067", "<script>alert(1)</script>", "x" * 254, "a\nb: forged line", "{{ 7 }}"]  # fmt: skip


def test_hostile_names_stay_text_and_in_their_place(acme, sign_in):
    acme["engineer"].name = "\u202eevE <b>"
    acme["engineer"].save()
    for name in HOSTILE:
        act(acme, label=name, before={name[:40]: name}, after={name[:40]: name * 40})
    answer = sign_in("owner").get(LOG, {"event": "key.edited"})
    page = answer.content.decode()
    assert len(answer.context["rows"]) == len(HOSTILE)
    assert "<script>alert" not in page
    assert "<bdi>\u202eevE &lt;b&gt;</bdi>" in page
    assert "<strong><bdi>\u202egnp.exe</bdi></strong>" in page
    assert all(row.whole for row in answer.context["rows"])


def test_a_line_in_the_log_file_is_one_line_whatever_is_asked(acme, sign_in, caplog):
    client = sign_in("owner")
    client.get("/o/acme/log/%0A%7B%22event%22%3A%20%22forged%22%7D/")
    client.get(LOG, {"q": 'x\n{"event": "forged"}'})
    (formatter,) = {
        handler.formatter
        for handler in logging.getLogger().handlers
        if isinstance(handler.formatter, ProcessorFormatter)
    }
    lines = [formatter.format(record) for record in caplog.records]
    assert len(lines) >= 2
    assert all("\n" not in line and json.loads(line)["event"] != "forged" for line in lines)


def test_an_entry_that_was_changed_says_so(acme, sign_in, lines):
    append_only.drop_triggers(connection)
    AuditEvent.objects.filter(pk=lines["live"].pk).update(label="forged")
    append_only.install_triggers(connection)
    page = sign_in("owner").get(LOG, {"about": "key:ck_b"}).content.decode()
    assert "This entry is not what was written." in page


def test_the_page_says_how_far_the_log_is_signed(acme, sign_in, lines):
    client = sign_in("owner")
    assert "Not signed yet" in client.get(LOG).content.decode()
    sign_heads(timezone.now())
    page = client.get(LOG).content.decode()
    assert f"Signed up to entry {lines['far'].sequence}" in page
    assert "Its hash fits; signed." in page
    act(acme)
    assert "to be signed within five minutes" in client.get(LOG).content.decode()
