from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django.utils.crypto import get_random_string

from environments.events import Event
from environments.models import AuditEvent
from keys import fingerprint, handover
from keys.handover import Browser, CannotShow
from keys.models import CredentialTest, Handover, Key, Secret
from keys.opening import open_credential
from keys.services.issuing import (
    NameTaken,
    NewKey,
    collect_secret,
    create_key,
    discard_secret,
    see_secret,
)
from tests.cast import sight


def events(acme, event):
    return AuditEvent.objects.filter(organization_id=acme.organization.pk, event=event)


def test_an_engineer_creates_a_key_and_the_log_has_a_line(acme, issue):
    made = issue("engineer", name="billing-api")
    assert made.text.startswith("lk_dev_")
    line = events(acme, Event.KEY_CREATED).get()
    assert (line.actor, line.subject) == ("engineer@acme.test", f"key:{made.key.client_id}")
    assert made.text not in str(line.detail)


@pytest.mark.parametrize("who", ["viewer", "support"])
def test_who_is_no_engineer_creates_nothing(acme, who):
    with pytest.raises(PermissionDenied):
        create_key(acme.enter(who), NewKey("x"), sight())
    assert not Key.objects.exists()


def test_a_lead_creates_keys_for_the_own_team_alone(acme):
    scope = acme.enter("lead")
    create_key(scope, NewKey("ours", team=acme.team), sight())
    for team in (None, acme.other_team):
        with pytest.raises(PermissionDenied):
            create_key(scope, NewKey("theirs", team=team), sight())


def test_a_lead_creates_nothing_where_the_team_may_not_issue(acme, issue):
    issue(environment="staging", team=acme.team)
    with pytest.raises(PermissionDenied):
        create_key(acme.enter("lead", "staging"), NewKey("x", team=acme.team), sight())


def test_a_form_posted_twice_makes_one_key_and_leads_to_the_same_page(acme):
    once = sight()
    first = create_key(acme.enter("engineer"), NewKey("billing-api"), once)
    again = create_key(acme.enter("engineer"), NewKey("billing-api"), once)
    assert again == first
    assert Secret.objects.count() == 1


def test_two_keys_of_an_environment_never_share_a_name(acme, issue):
    issue(name="billing-api")
    with pytest.raises(NameTaken):
        issue(name="billing-api")
    issue(name="billing-api", environment="staging")


def test_a_worker_opens_what_was_sealed_and_the_mark_recognises_it(issue):
    made = issue()
    assert open_credential(made.secret.sealed, made.secret.context).reveal() == made.text
    assert fingerprint.recognise(made.text, [(made.secret.pepper_id, made.secret.mark)]) == 0


def test_the_new_secret_is_seen_in_the_same_browser_and_each_sight_is_logged(acme):
    once = sight()
    made = create_key(acme.enter("engineer"), NewKey("billing-api"), once)
    texts = {see_secret(acme.enter("engineer"), made, once.browser).reveal() for _ in range(2)}
    assert len(texts) == 1
    assert events(acme, Event.SECRET_SEEN).count() == 2


def test_another_browser_sees_nothing(acme, issue):
    made = issue()
    with pytest.raises(CannotShow):
        see_secret(acme.enter("engineer"), made.handover, Browser(get_random_string(43)))


def test_after_ten_minutes_the_secret_is_never_shown_again(acme, time_machine):
    once = sight()
    made = create_key(acme.enter("engineer"), NewKey("billing-api"), once)
    time_machine.move_to(timezone.now() + timedelta(minutes=10, seconds=1))
    with pytest.raises(CannotShow):
        see_secret(acme.enter("engineer"), made, once.browser)


def test_only_who_made_the_secret_finds_its_page(acme, issue):
    issue()
    assert Handover.objects.within(acme.enter("engineer")).exists()
    assert not Handover.objects.within(acme.enter("support")).exists()


def test_who_may_no_longer_view_the_key_no_longer_finds_its_secret(acme, issue):
    made = issue(by="lead", team=acme.team)
    assert Handover.objects.within(acme.enter("lead")).exists()
    Key.objects.filter(pk=made.key.pk).update(team=acme.other_team)
    assert not Handover.objects.within(acme.enter("lead")).exists()


def test_a_collected_secret_is_tested_at_once_and_its_sight_is_over(acme, issue):
    made = issue()
    test = collect_secret(acme.enter("engineer"), made.handover)
    assert test.reason == CredentialTest.Reason.CREATED
    shut = Handover.objects.get(pk=made.handover.pk)
    assert shut.sealed is None
    assert Secret.objects.get(pk=made.secret.pk).collected_at
    assert events(acme, Event.SECRET_COLLECTED).count() == 1


def test_a_collected_secret_is_not_ended_by_a_late_discard(acme, issue):
    made = issue()
    collect_secret(acme.enter("engineer"), made.handover)
    discard_secret(acme.enter("engineer"), made.handover)
    assert Secret.objects.get(pk=made.secret.pk).revoked_at is None


def test_a_hand_over_in_the_database_alone_opens_nothing(acme, issue):
    made = issue()
    row = Handover.objects.get(pk=made.handover.pk)
    for token in ("", row.public_id, row.form_hash):
        with pytest.raises(CannotShow):
            handover.show(row, Browser(token), timezone.now())
