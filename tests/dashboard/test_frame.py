"""The frame around every page: where one is, who one is, and that it works under the content policy."""

import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.urls import reverse
from django.utils import timezone

from environments.models import Heartbeat, Member, Organization

STATIC = Path(settings.BASE_DIR) / "dashboard/static/dashboard"


@pytest.fixture
def page(acme, client):
    def load(name: str = "engineer", path: str = "/o/acme/", **more) -> str:
        client.force_login(acme[name])
        return client.get(path, **more).content.decode()

    return load


def test_the_frame_names_organization_environments_and_person(page):
    html = page()
    assert "<title>Overview · Acme · Latchkey</title>" in html
    assert 'href="#main"' in html
    assert "engineer@acme.test" in html
    for name in ("Development", "Staging", "Production"):
        assert name in html


def test_a_page_has_one_h1_and_the_two_live_regions(page):
    html = page()
    assert html.count("<h1") == 1
    assert 'id="said" role="status"' in html
    assert 'id="alarm" role="alert"' in html


def test_no_page_holds_inline_style_or_script(page):
    html = page()
    assert " style=" not in html
    assert not re.search(r" on[a-z]+=", html)
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)


def test_nothing_is_loaded_from_another_host(page):
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page())
    for file in STATIC.glob("*.css"):
        assert not re.search(r"url\(['\"]?https?:", file.read_text()), file.name


def test_a_silent_worker_is_said_on_every_page_and_a_living_one_is_not(page):
    assert "Tests are not running." in page()
    Heartbeat.objects.create(name="worker", at=timezone.now())
    assert "Tests are not running." not in page()


def test_the_frame_and_readyz_agree_when_a_worker_is_silent(page, client):
    for ago, silent in ((40, False), (50, True)):
        at = timezone.now() - timedelta(seconds=ago)
        Heartbeat.objects.update_or_create(name="worker", defaults={"at": at})
        assert ("Tests are not running." in page()) is silent
        assert (client.get("/readyz").json()["checks"]["worker"] == "failed") is silent


def test_the_theme_is_kept_in_a_cookie_and_rendered_by_the_server(page, client):
    assert 'data-theme="system"' in page()
    answer = client.post(reverse("theme"), {"theme": "dark", "next": "/o/acme/"})
    assert answer.headers["Location"] == "/o/acme/"
    assert 'data-theme="dark"' in page()


def test_shortcuts_of_a_single_key_can_be_switched_off_and_on_again(page, client):
    assert 'data-plain-keys="off"' not in page()
    client.post(reverse("shortcuts"), {"shortcuts": "off"})
    assert 'data-plain-keys="off"' in page()
    assert "Switch on" in client.get(reverse("account")).content.decode()
    client.post(reverse("shortcuts"), {"shortcuts": "on"})
    assert 'data-plain-keys="off"' not in page()


def test_a_theme_that_does_not_exist_changes_nothing(client, db):
    answer = client.post(reverse("theme"), {"theme": "pink", "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"
    assert "theme" not in answer.cookies


def test_times_are_in_the_zone_that_the_person_chose(page, acme, client):
    acme["engineer"].timezone = "Asia/Tokyo"
    acme["engineer"].save()
    client.cookies["zone"] = "Europe/Berlin"
    assert "Times in Asia/Tokyo" in page()


def test_without_a_choice_the_browsers_zone_counts_and_nonsense_does_not(page, client):
    client.cookies["zone"] = "Europe/Berlin"
    assert "Times in Europe/Berlin" in page()
    client.cookies["zone"] = "../../etc/passwd"
    assert "Times in UTC" in page()


def test_a_fragment_after_the_session_has_ended_sends_the_whole_page_to_sign_in(client, db):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/o/acme/?q=x"}
    answer = client.get("/o/acme/", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/accounts/login/?next=%2Fo%2Facme%2F%3Fq%3Dx"


def test_whole_pages_are_redirected_as_ever(client, db):
    assert client.get("/o/acme/").status_code == 302


def test_one_organization_is_entered_at_once_and_several_are_a_choice(acme, client):
    client.force_login(acme["viewer"])
    assert client.get("/").headers["Location"] == "/o/acme/"
    second = Organization.objects.create(name="Second", slug="second")
    Member.objects.create(organization=second, user=acme["viewer"], role="member")
    html = client.get("/").content.decode()
    assert "Your organizations" in html
    assert "/o/second/" in html


def test_a_person_without_an_organization_is_told_what_to_do(acme, client):
    acme.member("member").delete()
    client.force_login(acme["member"])
    assert "No organization yet" in client.get("/").content.decode()


def test_signing_out_is_a_post(page):
    assert re.search(r'<form method="post" action="/accounts/logout/">', page())


def test_a_person_renames_themselves_and_nobody_can_send_nonsense(acme, client):
    client.force_login(acme["viewer"])
    client.post("/account/", {"name": "Vi", "timezone": "Europe/Berlin"})
    acme["viewer"].refresh_from_db()
    assert (acme["viewer"].name, acme["viewer"].timezone) == ("Vi", "Europe/Berlin")
    refused = client.post("/account/", {"name": "x" * 81, "timezone": "Mars/Base"})
    assert "Please mend 2 fields" in refused.content.decode()


def test_the_vendored_files_are_the_listed_ones():
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=STATIC / "vendor", capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout
    for file in (STATIC / "vendor").glob("*.min.*"):
        assert file.name in (STATIC / "vendor/SHA256SUMS").read_text()


def test_every_icon_that_a_template_names_is_in_the_sprite():
    known = set(re.findall(r'symbol id="([a-z0-9-]+)"', (STATIC / "icons.svg").read_text()))
    named = set()
    for file in (Path(settings.BASE_DIR) / "templates").rglob("*.html"):
        named |= set(re.findall(r'{% icon "([a-z0-9-]+)" %}|icon="([a-z0-9-]+)"', file.read_text()))
    assert {name for pair in named for name in pair if name} <= known
    assert finders.find("dashboard/site.js")
