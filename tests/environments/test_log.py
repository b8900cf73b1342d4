"""The log page, and what owners set for everybody."""

from django.db import transaction
from django.urls import reverse

from environments import audit
from environments.events import Event

LOG = "/o/acme/log/"


def test_an_admin_reads_who_did_what(acme, sign_in, issue):
    issue()
    page = sign_in("admin").get(LOG).content.decode()
    assert "engineer@acme.test created the key" in page
    assert "billing-api" in page


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
        seen += [row["event"].sequence for row in page.context["rows"]]
        write(3)
        before = page.context["older"]
        if not before:
            break
    assert seen == list(range(121, 0, -1))


def test_an_address_that_nobody_could_mean_shows_the_newest(acme, sign_in):
    client = sign_in("owner")
    for before in ("x", "-1", "9" * 30, "\x00", "٣", "9" * 19):
        assert client.get(LOG, {"before": before, "event": "\x00"}).status_code == 200


def test_the_log_can_be_narrowed_to_one_kind_of_event(acme, sign_in, issue):
    issue()
    page = sign_in("owner").get(LOG, {"event": "key.created"})
    assert {row["event"].event for row in page.context["rows"]} == {"key.created"}


def test_an_owner_renames_the_organization_and_an_admin_may_not(acme, sign_in):
    page = reverse("environments:settings", args=["acme"])
    form = {"name": "Acme Works", "timezone": "Europe/Berlin"}
    assert sign_in("admin").post(page, form).status_code == 403
    assert sign_in("owner").post(page, form).status_code == 302
    acme.organization.refresh_from_db()
    assert (acme.organization.name, acme.organization.timezone) == ("Acme Works", "Europe/Berlin")
    for bad in ({"name": "", "timezone": "UTC"}, {"name": "A", "timezone": "Mars/Base"}):
        assert sign_in("owner").post(page, bad).status_code == 200
