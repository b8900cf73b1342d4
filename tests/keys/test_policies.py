"""Owners set an environment's policy; they see what it touches first, and nothing is cut."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django.utils.crypto import get_random_string

from environments.events import Event
from environments.models import AuditEvent, Environment
from environments.policy import Act
from environments.services.policies import BadPolicy, Policy, set_policy, spoken_span
from keys.models import Key, Rotation, Secret
from keys.services.issuing import AgainstPolicy
from keys.services.keeping import set_expiry
from keys.services.rotating import Plan, start_rotation
from tests.cast import sight
from tests.keys.pages.addresses import page
from tests.pages import text_of

pytestmark = pytest.mark.django_db
PAGE = "/o/acme/settings/development/"
DAY = timedelta(days=1)
AS_IT_IS = {
    "max_age_days": "",
    "grace_default_hours": "24",
    "grace_max_hours": "168",
    "test_interval_minutes": "15",
    "idle_days": "90",
    "signing_algorithm": "ES256",
    **{f"approvals_{act}": "0" for act in Act},
}


@pytest.fixture
def say(sign_in):
    """The owner fills in the form, with this in it."""

    def post(step: str = "", **values: str):
        data = AS_IT_IS | values | ({step: "yes"} if step else {})
        return sign_in("owner").post(PAGE, data)

    return post


def aged(name: str, days: int, **values) -> None:
    made_at = timezone.now() - timedelta(days=days)
    Secret.objects.filter(key__name=name).update(created_at=made_at, **values)


def test_an_owner_sees_which_secrets_are_older_before_anything_is_saved(say, issue, acme):
    for name in ("ledger", "mailer", "search"):
        issue(name=name)
    aged("ledger", 100)
    aged("mailer", 91)
    shown = text_of(say(max_age_days="90"))
    assert "2 keys have a secret older than 90 days." in shown
    assert "Nothing is cut." in shown
    assert "No key ends later than 90 days after it was made." in shown
    assert acme.environment("development").secret_max_age is None
    assert not AuditEvent.objects.filter(event=Event.POLICY_CHANGED).exists()


def test_saved_it_stands_in_the_log_with_before_and_after(say, issue, acme):
    issue()
    aged("billing-api", 100)
    answer = say("confirmed", max_age_days="90", expiry_required="on")
    assert answer["Location"] == PAGE
    place = acme.environment("development")
    assert (place.secret_max_age, place.expiry_required) == (90 * DAY, True)
    line = AuditEvent.objects.get(event=Event.POLICY_CHANGED)
    assert (line.subject, line.actor) == ("environment:development", "owner@acme.test")
    assert line.detail["before"] == {"secret_max_age": "none", "expiry_required": "no"}
    assert line.detail["after"] == {"secret_max_age": "90 days", "expiry_required": "yes"}
    secret = Secret.objects.get()
    assert secret.revoked_at is secret.expires_at is None


def test_an_owner_without_a_role_there_sees_numbers_and_no_names(say, issue):
    issue(name="ledger")
    shown = text_of(say(expiry_required="on"))
    assert "1 key has no expiry." in shown
    assert "ledger" not in shown
    assert "You hold no role that shows their names." in shown


def test_an_owner_with_a_role_sees_the_first_twenty_names_and_how_many_more(say, issue, acme):
    acme.member("owner").environment_grants.create(
        environment=acme.environment("development"), role="viewer"
    )
    for number in range(22):
        issue(name=f"key-{number:02}")
    shown = text_of(say(expiry_required="on"))
    assert "22 keys have no expiry." in shown
    assert "key-00, key-01" in shown
    assert "key-19 and 2 more" in shown
    assert "key-20" not in shown


def test_each_part_has_an_impact_of_its_own(say, issue):
    for name in ("idle", "used", "never", "long"):
        issue(name=name)
    now = timezone.now()
    Key.objects.update(created_at=now - 200 * DAY)
    aged("idle", 200, last_used_at=now - 40 * DAY)
    aged("used", 200, last_used_at=now)
    aged("long", 1, expires_at=now + 400 * DAY, last_used_at=now)
    Rotation.objects.create(
        key=Key.objects.get(name="used"), grace=timedelta(hours=100), reason="person"
    )
    shown = text_of(
        say(max_age_days="365", grace_max_hours="48", test_interval_minutes="5", idle_days="30")
    )
    assert "1 key ends later than 365 days after it was made." in shown
    assert "1 key is in a rotation with a longer grace period." in shown
    assert "4 keys are tested every 5 minutes instead of every 15 minutes." in shown
    assert "About 48 tests an hour instead of 16." in shown
    assert "2 keys were not used for 30 days." in shown


def test_a_policy_without_change_is_not_saved(say):
    assert say("confirmed")["Location"] == PAGE
    assert not AuditEvent.objects.filter(event=Event.POLICY_CHANGED).exists()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("grace_default_hours", "200", "Choose at most the longest grace period."),
        ("grace_max_hours", "2161", "less than or equal to 2160"),
        ("test_interval_minutes", "0", "greater than or equal to 1"),
        ("test_interval_minutes", "1441", "less than or equal to 1440"),
        ("max_age_days", "-1", "greater than or equal to 1"),
        ("idle_days", "soon", "whole number"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field_and_kept(say, field, value, said):
    answer = say("confirmed", **{field: value})
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert f'value="{value}"' in text_of(answer)


def test_back_brings_the_form_back_as_it_was_filled_in(say):
    answer = say("back", max_age_days="77")
    assert answer.status_code == 200
    assert 'value="77"' in text_of(answer)


def test_the_verb_refuses_what_does_not_fit_whoever_calls_it(acme):
    odd = Policy(
        None,
        5 * DAY,
        DAY,
        expiry_required=False,
        test_interval=DAY,
        idle_after=None,
        redox_doors=False,
        signing_algorithm="ES256",
    )
    with pytest.raises(BadPolicy):
        set_policy(acme.org("owner"), "development", odd)


@pytest.mark.parametrize("name", ["admin", "engineer", "member"])
def test_who_is_no_owner_is_refused_and_the_log_says_so(sign_in, acme, name):
    client = sign_in(name)
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, AS_IT_IS | {"confirmed": "yes"}).status_code == 403
    assert AuditEvent.objects.filter(event=Event.DENIED, actor=f"{name}@acme.test").count() == 2
    policy = Policy.of(acme.environment("development"))
    with pytest.raises(PermissionDenied):
        set_policy(acme.org(name), "development", policy)


def test_a_stranger_and_a_place_that_is_not_there_are_not_found(sign_in):
    assert sign_in("stranger").get(PAGE).status_code == 404
    assert sign_in("owner").get("/o/acme/settings/elsewhere/").status_code == 404
    assert sign_in("stranger").get("/o/elsewhere/settings/development/").status_code == 200


def test_general_settings_lead_to_each_environments_policy(sign_in):
    shown = sign_in("owner").get("/o/acme/settings/").content.decode()
    for slug in ("development", "staging", "production"):
        assert f'href="/o/acme/settings/{slug}/"' in shown


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (DAY, "1 day"),
        (90 * DAY, "90 days"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=90), "90 minutes"),
    ],
)
def test_spans_are_spoken_in_the_largest_unit_that_is_exact(span, words):
    assert spoken_span(span) == words


class TestWhenAKeyIsMadeOrGivenAnEnd:
    @pytest.fixture(autouse=True)
    def policy(self, acme):
        Environment.objects.update(secret_max_age=60 * DAY, expiry_required=True)

    @pytest.fixture
    def fill_in(self, sign_in):
        def post(**values):
            data = {"once": get_random_string(32), "name": "billing", "team": "none"}
            data |= {"scopes": ["api:development"]} | values
            return sign_in("engineer").post("/o/acme/e/development/keys/new/", data)

        return post

    def test_the_form_offers_what_the_policy_allows(self, sign_in):
        shown = text_of(sign_in("engineer").get("/o/acme/e/development/keys/new/"))
        assert '<option value="60" selected>' in shown
        assert 'value="90"' not in shown
        assert "No expiry" not in shown
        assert "Every key in Development must expire. Secrets in Development live 60 days" in shown

    def test_a_date_within_the_age_is_taken(self, fill_in):
        assert fill_in(expiry="60").status_code == 302
        ends = Secret.objects.get().expires_at
        assert ends
        assert ends - timezone.now() < 60 * DAY

    def test_a_later_date_is_refused_at_the_field_with_the_rule(self, fill_in):
        late = (timezone.now() + 61 * DAY).strftime("%Y-%m-%dT%H:%M")
        answer = fill_in(expiry="custom", ends_at=late)
        assert answer.status_code == 422
        assert "live 60 days at most. Choose " in text_of(answer)
        assert not Key.objects.exists()

    @pytest.mark.parametrize("choice", ["none", "90"])
    def test_what_is_not_offered_is_not_taken(self, fill_in, choice):
        assert fill_in(expiry=choice).status_code == 422
        assert not Key.objects.exists()

    def test_the_verbs_refuse_it_too(self, acme, issue):
        with pytest.raises(AgainstPolicy):
            issue()
        made = issue(expires_at=timezone.now() + 30 * DAY)
        for ends in (None, timezone.now() + 61 * DAY):
            with pytest.raises(AgainstPolicy):
                set_expiry(acme.enter("engineer"), made.key.client_id, ends)

    def test_a_secret_that_lives_longer_may_be_shortened_and_not_prolonged(
        self, sign_in, issue, acme
    ):
        made = issue(expires_at=timezone.now() + 30 * DAY)
        now = timezone.now()
        Secret.objects.update(created_at=now - 50 * DAY, expires_at=now + 300 * DAY)
        engineer = acme.enter("engineer")
        set_expiry(engineer, made.key.client_id, now + 200 * DAY)
        with pytest.raises(AgainstPolicy):
            set_expiry(engineer, made.key.client_id, now + 250 * DAY)
        answer = sign_in("engineer").post(page("expiry", made.key), {"expiry": "60"})
        assert answer.status_code == 302

    def test_a_new_secret_lives_no_longer_than_the_policy_says(self, acme, issue):
        made = issue(expires_at=timezone.now() + 30 * DAY)
        Secret.objects.update(expires_at=None)
        client_id = made.key.client_id
        shown = start_rotation(acme.enter("engineer"), client_id, Plan(DAY), sight())
        life = shown.secret.life
        assert life is not None
        assert abs(life - 60 * DAY) < timedelta(minutes=1)
