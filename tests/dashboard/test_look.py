"""How pages look in one browser: contrast, room, dates; kept there, and only there."""

import pytest
from django.urls import reverse

from tests.pages import text_of

pytestmark = pytest.mark.django_db
LOOK = {"contrast": "more", "density": "compact", "dates": "numbers"}
NOTICES = "/o/acme/log/"


@pytest.fixture
def chosen(acme, sign_in):
    client = sign_in("owner")
    assert client.post(reverse("look"), LOOK)["Location"] == reverse("account")
    return client


def test_what_is_chosen_is_rendered_by_the_server(chosen):
    page = text_of(chosen.get(reverse("account")))
    assert 'data-contrast="more" data-density="compact"' in page
    assert '<option value="numbers" selected>' in page


def test_dates_in_numbers_sort_as_they_are_written(chosen, acme):
    made = acme.organization.created_at
    assert f"{made:%Y-%m-%d}, " in text_of(chosen.get(NOTICES))


def test_the_usual_look_is_no_cookie(chosen):
    chosen.post(reverse("look"), {"contrast": "usual", "density": "comfortable", "dates": "words"})
    page = text_of(chosen.get(NOTICES))
    assert "data-contrast" not in page
    assert "data-density" not in page


def test_another_browser_and_another_person_see_the_usual(chosen, acme, client):
    made = acme.organization.created_at
    for name in LOOK:
        del client.cookies[name]
    assert f"{made.day} {made:%b %Y}, " in text_of(client.get(NOTICES))


def test_what_there_is_not_to_choose_is_left_out(acme, sign_in):
    client = sign_in("viewer")
    client.post(reverse("look"), {"contrast": "none", "density": '"><script>'})
    assert not {"contrast", "density"} & client.cookies.keys()
    client.cookies["density"] = "x"
    assert client.get(reverse("account")).status_code == 200


def test_who_is_not_signed_in_signs_in_first(acme, client):
    assert "/accounts/login/" in client.post(reverse("look"), LOOK)["Location"]
