"""The log page, and what owners set for everybody."""

from django.db import transaction
from django.urls import reverse

from environments import audit
from environments.events import Event
from environments.views.history import ROWS
from keys.services.keeping import delete_key

LOG = "/o/acme/log/"
HERE = "/o/acme/e/development/log/"


def labels(answer):
    return [row.event.label for row in answer.context["rows"]]


def test_an_owner_reads_who_did_what_and_an_admin_may_not(acme, sign_in, issue):
    issue()
    assert sign_in("admin").get(LOG).status_code == 403
    assert sign_in("stranger").get(LOG).status_code == 404
    page = sign_in("owner").get(LOG).content.decode()
    assert "<bdi>Engineer</bdi> created the key" in page
    assert "billing-api" in page
    assert '<td data-label="Where">Development</td>' in page


def test_a_refusal_is_in_the_log_in_words(acme, sign_in):
    sign_in("member").get(reverse("environments:invite", args=["acme"]))
    page = sign_in("owner").get(LOG).content.decode()
    assert "was refused:" in page
    assert "Invite and remove members" in page


def test_older_entries_follow_without_gap_while_new_ones_are_written(acme, sign_in):
    def write(count):
        with transaction.atomic():
            for number in range(count):
                audit.record(
                    acme.org("owner"), Event.TEAM_CREATED, f"team:{number}", label=f"n{number}"
                )

    write(120)
    client = sign_in("owner")
    seen, before = [], ""
    while True:
        page = client.get(LOG, {"before": before} if before else {})
        seen += [row.event.sequence for row in page.context["rows"]]
        write(3)
        before = page.context["found"].older
        if not before:
            break
    assert seen == list(range(121, 0, -1))


def test_an_address_that_nobody_could_mean_shows_the_newest(acme, sign_in):
    client = sign_in("owner")
    for before in ("x", "-1", "9" * 30, "\x00", "٣", "9" * 19):
        assert (
            client.get(
                LOG, {"before": before, "event": "\x00", "actor": "\x00", "about": "%_"}
            ).status_code
            == 200
        )


def test_the_log_can_be_narrowed_to_one_kind_of_event(acme, sign_in, issue):
    issue()
    page = sign_in("owner").get(LOG, {"event": "key.created"})
    assert {row.event.event for row in page.context["rows"]} == {"key.created"}


def test_an_owner_renames_the_organization_and_an_admin_may_not(acme, sign_in):
    page = reverse("environments:settings", args=["acme"])
    form = {"name": "Acme Works", "timezone": "Europe/Berlin"}
    assert sign_in("admin").post(page, form).status_code == 403
    assert sign_in("owner").post(page, form).status_code == 302
    acme.organization.refresh_from_db()
    assert (acme.organization.name, acme.organization.timezone) == ("Acme Works", "Europe/Berlin")
    for bad in ({"name": "", "timezone": "UTC"}, {"name": "A", "timezone": "Mars/Base"}):
        assert sign_in("owner").post(page, bad).status_code == 200


def test_support_and_engineers_read_all_of_their_environment_and_nothing_else(acme, sign_in, issue):
    issue(name="ours", team=acme.team)
    issue(name="anybodys")
    issue(name="live", environment="production")
    for name in ("support", "engineer"):
        answer = sign_in(name).get(HERE)
        assert {"ours", "anybodys"} <= set(labels(answer))
        assert "live" not in labels(answer)
    environment = sign_in("support").get("/o/acme/e/development/").content.decode()
    assert HERE in environment


def test_a_team_reads_what_befell_its_own_keys_alone(acme, sign_in, issue):
    issue(name="ours", team=acme.team)
    issue(name="theirs", team=acme.other_team)
    issue(name="anybodys")
    for name in ("lead", "teammate"):
        assert set(labels(sign_in(name).get(HERE))) == {"ours"}


def test_a_deleted_key_of_the_team_keeps_its_history(acme, sign_in, issue):
    made = issue(name="ours", team=acme.team)
    issue(name="another")
    delete_key(acme.enter("engineer"), made.key.client_id)
    assert "key.deleted" in [
        row.event.event for row in sign_in("teammate").get(HERE).context["rows"]
    ]


def test_a_viewer_may_not_read_the_environments_log_and_others_find_none(acme, sign_in):
    client = sign_in("viewer")
    assert client.get(HERE).status_code == 403
    assert HERE not in client.get("/o/acme/e/development/").content.decode()
    for name in ("owner", "admin", "member", "stranger"):  # none stands in the environment
        assert sign_in(name).get(HERE).status_code == 404


def test_the_log_narrows_by_who_and_about_what(acme, sign_in, issue):
    issue(name="billing-api", by="engineer")
    issue(name="search-api", by="lead", team=acme.team)
    client = sign_in("engineer")
    assert set(labels(client.get(HERE, {"actor": "lead@"}))) == {"search-api"}
    assert set(labels(client.get(HERE, {"about": "BILLING"}))) == {"billing-api"}
    both = client.get(HERE, {"about": "billing", "event": "key.created", "actor": "engineer"})
    assert {row.event.event for row in both.context["rows"]} == {"key.created"}
    assert "No match" in client.get(HERE, {"actor": "nobody"}).content.decode()


def test_latchkey_is_who_did_what_a_worker_did(acme, sign_in):
    with transaction.atomic():
        audit.record(
            audit.Machine(acme.organization.pk, "development"), Event.KEY_FAILING, "key:ck_a"
        )
    assert [
        row.event.event
        for row in sign_in("engineer").get(HERE, {"actor": "latchkey"}).context["rows"]
    ] == ["key.failing"]


def test_older_entries_keep_what_was_asked_for(acme, sign_in):
    with transaction.atomic():
        for number in range(4 * ROWS):
            kind = Event.KEY_FAILING if number % 2 else Event.KEY_WORKING
            audit.record(audit.Machine(acme.organization.pk, "development"), kind, f"key:{number}")
    client = sign_in("support")
    first = client.get(HERE, {"event": "key.failing"})
    assert f"event=key.failing&amp;before={first.context['found'].older}" in first.content.decode()
    rest = client.get(HERE, {"event": "key.failing", "before": first.context["found"].older})
    assert len(first.context["rows"]) + len(rest.context["rows"]) == 2 * ROWS
    assert rest.context["found"].older is None
