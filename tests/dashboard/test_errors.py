"""What went wrong is said plainly: the right status, what it takes, whether anything was changed, and no store."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import get_template
from django.test import Client, RequestFactory

from dashboard import error_codes, errors
from dashboard import settings as real_settings
from environments.access import Refused
from environments.policy import Action, OrgAction
from keys.issuer import refusals


def test_a_missing_page_keeps_the_frame_for_those_inside(acme, client):
    client.force_login(acme["viewer"])
    answer = client.get("/o/acme/search/nothing")
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_missing_page_for_anyone_is_a_page_too(client, db):
    assert client.get("/nothing-here").status_code == 404


@pytest.mark.parametrize(
    ("who", "action", "role", "needed", "giver"),
    [
        ("viewer", Action.CREATE, "viewer", "engineer", "admin@acme.test"),
        ("lead", Action.DELETE, "none of your own", "engineer", "owner@acme.test"),
        ("member", OrgAction.INVITE, "member", "admin", "owner@acme.test"),
    ],
)
def test_a_refusal_names_the_role_held_the_role_needed_and_who_can_give_it(
    acme, who, action, role, needed, giver
):
    request: Any = RequestFactory().get("/o/acme/")
    request.user, request.resolver_match = acme[who], None
    request.scope = acme.enter(who) if isinstance(action, Action) else acme.org(who)
    answer = errors.forbidden(request, Refused(action))
    html = answer.content.decode()
    assert answer.status_code == 403
    for words in (role, f"<strong>{needed}</strong>", giver):
        assert words in html


def test_a_form_of_another_session_says_that_the_session_ended(acme):
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/account/theme/", {"theme": "dark"})
    assert answer.status_code == 403
    assert "Your session ended" in answer.content.decode()


def test_a_broken_page_needs_no_database_and_gives_no_detail(settings, monkeypatch):
    answer = errors.server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "we cannot tell whether it was carried out" in answer.content.decode()
    assert " style=" not in answer.content.decode()


def test_too_many_tries_has_a_page(db):
    request = RequestFactory().get("/")
    request.resolver_match = None
    assert "Too many tries" in get_template("429.html").render({}, request)


def test_every_error_of_the_token_service_is_explained_to_anyone(client, db):
    html = client.get("/docs/errors").content.decode()
    codes = set(
        re.findall(r'^    code = "([a-z_]+)"', Path(refusals.__file__).read_text(), re.MULTILINE)
    )
    assert codes == {code.name for code in error_codes.CODES}
    for code in codes:
        assert f'id="{code}"' in html


@pytest.mark.parametrize(
    "path",
    [
        "login/",
        "password/reset/",
        "password/reset/done/",
        "password/reset/key/done/",
        "signup/",
        "inactive/",
        "confirm-email/",
    ],
)
def test_the_pages_before_sign_in_draw(client, db, path):
    answer = client.get(f"/accounts/{path}", follow=True)
    assert answer.status_code == 200
    assert answer.content.decode().count("<h1") == 1


@pytest.mark.parametrize(
    "path", ["logout/", "password/change/", "email/", "2fa/", "reauthenticate/"]
)
def test_the_pages_of_the_own_account_draw(acme, client, path):
    client.force_login(acme["viewer"])
    answer = client.get(f"/accounts/{path}", follow=True)
    assert answer.status_code == 200
    assert answer.content.decode().count("<h1") == 1


def test_no_installation_shows_djangos_own_pages_for_programmers():
    """Any name in capitals is a setting, an imported one too; pytest-django hides it by setting DEBUG itself."""
    assert not getattr(real_settings, "DEBUG", False)
