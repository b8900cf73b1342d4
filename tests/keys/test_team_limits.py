"""So many keys a team may own: who sets it, what it refuses, and that two cannot both have the last place."""

from threading import Barrier, Thread

import pytest
from django.db import connection

from environments.models import AuditEvent, Team
from environments.services import teams
from keys.models import Key
from keys.services import issuing, keeping, public_keys
from keys.services.issuing import NewKey
from keys.services.room import NoRoom
from tests.cast import sight
from tests.keys.pages.addresses import page, place
from tests.keys.pages.test_keys import answers, make
from tests.keys.pages.typed import URL, credential
from tests.log import lines
from tests.pages import text_of

pytestmark = pytest.mark.django_db
LIMIT, TEAM = "/o/acme/teams/payments/limit/", "/o/acme/teams/payments/"
FULL = "Payments has 1 of 1 keys that it may own"


@pytest.fixture
def limited(acme):
    teams.set_limit(acme.org("admin"), "payments", 1)
    return acme


def most(acme):
    return Team.objects.get(pk=acme.team.pk).most_keys


def test_an_admin_sets_a_limit_and_takes_it_away_and_the_log_says_so(acme, sign_in, issue):
    issue(team=acme.team)
    client = sign_in("admin")
    assert client.post(LIMIT, {"most_keys": "10"}).headers["Location"] == TEAM
    assert "1 of 10 keys" in text_of(client.get(TEAM))
    assert client.post(LIMIT, {"most_keys": ""}).status_code == 302
    assert most(acme) is None
    found = AuditEvent.objects.filter(event="team.limit-changed").order_by("sequence")
    told = [each.detail["after"] for each in found]
    assert told == [{"keys_allowed": 10}, {"keys_allowed": None}]


def test_the_same_limit_again_is_no_change(limited):
    assert not teams.set_limit(limited.org("admin"), "payments", 1)
    assert lines("team.limit-changed") == 1


@pytest.mark.parametrize(("name", "status"), [("lead", 403), ("engineer", 403), ("stranger", 404)])
def test_who_does_not_manage_teams_sets_no_limit(acme, sign_in, name, status):
    client = sign_in(name)
    assert client.get(LIMIT).status_code == status
    assert client.post(LIMIT, {"most_keys": "3"}).status_code == status
    assert most(acme) is None


@pytest.mark.parametrize("typed", ["-1", "a few", "1000000000000", "1.5"])
def test_what_is_no_number_of_keys_is_refused_at_the_field(acme, sign_in, typed):
    answer = sign_in("admin").post(LIMIT, {"most_keys": typed})
    assert answer.context["form"].errors["most_keys"]
    assert most(acme) is None


def test_a_limit_below_what_the_team_has_is_looked_at_once_more(acme, sign_in, issue):
    kept = [issue(name=f"key-{number}", team=acme.team).key for number in range(2)]
    client = sign_in("admin")
    answer = client.post(LIMIT, {"most_keys": "1"})
    assert "owns more than that: 2 keys" in text_of(answer)
    assert most(acme) is None
    client.post(LIMIT, {"most_keys": "1", "confirmed": "yes"})
    assert most(acme) == 1
    assert Key.objects.filter(team=acme.team).count() == len(kept)
    assert "2 of 1 keys" in text_of(client.get(TEAM))


def test_no_key_is_made_past_it_and_the_field_says_why(limited, sign_in, issue):
    issue(name="first", team=limited.team)
    client = sign_in("lead")
    for proof in ("secret", "public_key"):
        answer = make(client, team="payments", proof=proof)
        assert answer.status_code == 422
        assert FULL in answer.context["form"].errors["team"][0]
    assert make(sign_in("engineer"), team="none").status_code == 302


def test_in_production_it_is_said_before_anything_is_confirmed(limited, sign_in, issue):
    issue(name="first", team=limited.team)
    address = place("create", "production")
    answer = sign_in("engineer").post(
        address, answers(team="payments", scopes=["api:production"], proof="secret")
    )
    assert FULL in answer.context["form"].errors["team"][0]


def test_the_form_that_made_the_last_one_leads_to_it_when_it_is_sent_again(limited, sign_in):
    client = sign_in("lead")
    said = answers(team="payments", proof="secret")
    first, second = (client.post(place("create"), said) for _ in range(2))
    assert first["Location"] == second["Location"]


def test_no_credential_is_plugged_in_past_it(limited, sign_in, issue, settings):
    from keys.services import endpoints
    from keys.services.endpoints import NewEndpoint

    issue(name="first", team=limited.team)
    where = endpoints.add_endpoint(
        limited.enter("engineer"), NewEndpoint("Redox", URL, "client_secret_basic")
    )
    answer = sign_in("engineer").post(place("plug_in"), credential(where, team="payments"))
    assert answer.status_code == 422
    assert FULL in answer.context["form"].errors["team"][0]


def test_no_key_is_moved_past_it_but_one_that_is_there_stays(limited, sign_in, issue):
    inside = issue(name="first", team=limited.team).key
    outside = issue(name="second").key
    client = sign_in("engineer")
    answer = client.post(page("move", outside), {"team": "payments"})
    assert answer.status_code == 422
    assert FULL in answer.context["form"].errors["team"][0]
    assert client.post(page("move", inside), {"team": "payments"}).status_code == 302
    assert client.post(page("move", inside), {"team": "none"}).status_code == 302
    assert client.post(page("move", outside), {"team": "payments"}).status_code == 302


def test_a_disabled_key_takes_a_place_and_a_deleted_one_leaves_it(limited, issue):
    first = issue(name="first", team=limited.team).key
    issue(name="other")
    engineer = limited.enter("engineer")
    keeping.disable_key(engineer, first.client_id)
    with pytest.raises(NoRoom):
        issue(name="second", team=limited.team)
    keeping.delete_key(engineer, first.client_id)
    assert issue(name="second", team=limited.team).key.team == limited.team


class Maker(Thread):
    """Makes a key for the team at the same moment as another one."""

    def __init__(self, acme, number: int, start: Barrier) -> None:
        super().__init__(daemon=True)
        self.scope, self.new = acme.enter("engineer"), NewKey(f"key-{number}", team=acme.team)
        self.signs, self.at_once = bool(number % 2), start
        self.refused = False

    def run(self) -> None:
        try:
            self.at_once.wait(30)
            if self.signs:
                public_keys.create_key(self.scope, self.new, "")
            else:
                issuing.create_key(self.scope, self.new, sight())
        except NoRoom:
            self.refused = True
        finally:
            connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.enable_socket
def test_of_two_at_once_one_has_the_last_place(acme):
    teams.set_limit(acme.org("admin"), "payments", 1)
    start = Barrier(2)
    makers = [Maker(acme, number, start) for number in range(2)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(30)
    assert Key.objects.filter(team=acme.team).count() == 1
    assert [maker.refused for maker in makers].count(True) == 1
