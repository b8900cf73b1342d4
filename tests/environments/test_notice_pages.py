"""A person reads what they were told, and nobody else does."""

import pytest

from environments import notices
from environments.models import Notice

pytestmark = pytest.mark.django_db
PAGE = "/o/acme/notices/"


@pytest.fixture
def told(acme):
    def say(name: str, title: str) -> Notice:
        path = "/o/acme/e/production/"
        news = notices.News(acme.organization.pk, title, title, "Refused, since noon.", path)
        notices.tell([acme[name]], news)
        return Notice.objects.get(title=title)

    return say


def test_unread_notices_come_first_and_the_bell_counts_them(sign_in, told):
    told("viewer", "First news")
    newest = told("viewer", "Second news")
    client = sign_in("viewer")
    assert "Notices, 2 unread" in client.get("/o/acme/").content.decode()
    assert client.post(f"{PAGE}{newest.pk}/read/")["Location"] == PAGE
    shown = client.get(PAGE).content.decode()
    assert shown.index("First news") < shown.index("Second news")
    assert "Notices, 1 unread" in shown
    assert 'href="/o/acme/e/production/"' in shown


def test_all_are_marked_as_read_at_once(sign_in, told):
    told("viewer", "First news")
    told("viewer", "Second news")
    others = told("support", "Others' news")
    client = sign_in("viewer")
    client.post(f"{PAGE}read/")
    shown = client.get(PAGE).content.decode()
    assert "2 notices marked as read." in shown
    assert "unread" not in shown.lower()
    others.refresh_from_db()
    assert others.read_at is None


def test_somebody_elses_notice_is_not_there(sign_in, told):
    notice = told("support", "Others' news")
    client = sign_in("viewer")
    assert client.post(f"{PAGE}{notice.pk}/read/").status_code == 404
    assert "Others" not in client.get(PAGE).content.decode()
    assert "No notices yet" in client.get(PAGE).content.decode()


def test_a_stranger_finds_nothing(sign_in, told):
    notice = told("viewer", "First news")
    client = sign_in("stranger")
    assert client.get(PAGE).status_code == 404
    assert client.post(f"{PAGE}read/").status_code == 404
    assert client.post(f"{PAGE}{notice.pk}/read/").status_code == 404
