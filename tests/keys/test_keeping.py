from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from environments.approvals import NeedsApproval
from environments.events import Event
from environments.models import AuditEvent
from environments.policy import Action
from keys.models import Key, Secret
from keys.services.issuing import KeyEnded, NameTaken
from keys.services.keeping import (
    LastKey,
    delete_key,
    disable_key,
    edit_key,
    enable_key,
    move_key,
    revoke_secret,
    set_expiry,
)
from keys.services.testing import NothingToTest, cancel_test, request_test


def line(acme, event):
    return AuditEvent.objects.get(organization_id=acme.organization.pk, event=event)


def test_an_engineer_renames_a_key_and_the_log_says_from_what_to_what(acme, issue):
    made = issue(name="old")
    edit_key(acme.enter("engineer"), made.key.client_id, name="new")
    assert Key.objects.get(pk=made.key.pk).name == "new"
    assert line(acme, Event.KEY_EDITED).detail == {
        "before": {"name": "old"},
        "after": {"name": "new"},
    }


def test_a_key_is_not_renamed_to_a_name_that_is_taken(acme, issue):
    issue(name="one")
    two = issue(name="two")
    with pytest.raises(NameTaken):
        edit_key(acme.enter("engineer"), two.key.client_id, name="one")


def test_a_lead_disables_and_enables_a_key_of_the_own_team(acme, issue):
    made = issue(team=acme.team)
    disable_key(acme.enter("lead"), made.key.client_id)
    assert not made.key.secrets.live(timezone.now()).exists()
    enable_key(acme.enter("lead"), made.key.client_id)
    assert made.key.secrets.live(timezone.now()).exists()
    assert line(acme, Event.KEY_DISABLED).actor == "lead@acme.test"


def test_a_lead_does_not_even_see_a_key_of_another_team(acme, issue):
    made = issue(team=acme.other_team)
    with pytest.raises(Key.DoesNotExist):
        disable_key(acme.enter("lead"), made.key.client_id)


@pytest.mark.parametrize(
    "act", [disable_key, enable_key, delete_key, lambda s, k: edit_key(s, k, name="x")]
)
def test_support_changes_nothing(acme, issue, act):
    made = issue()
    with pytest.raises(PermissionDenied):
        act(acme.enter("support"), made.key.client_id)


def test_a_lead_neither_moves_nor_deletes_the_own_teams_key(acme, issue):
    made = issue(team=acme.team)
    issue(name="other")
    scope = acme.enter("lead")
    with pytest.raises(PermissionDenied):
        move_key(scope, made.key.client_id, acme.other_team)
    with pytest.raises(PermissionDenied):
        delete_key(scope, made.key.client_id)


def test_a_moved_key_leaves_the_sight_of_the_former_team(acme, issue):
    made = issue(team=acme.team)
    move_key(acme.enter("engineer"), made.key.client_id, acme.other_team)
    assert not Key.objects.within(acme.enter("lead")).filter(pk=made.key.pk).exists()


def test_a_revoked_secret_ends_at_once_and_its_sealed_text_is_gone(acme, issue):
    made = issue()
    revoke_secret(acme.enter("engineer"), made.key.client_id, made.secret.public_id)
    secret = Secret.objects.get(pk=made.secret.pk)
    assert secret.revoked_at
    assert secret.sealed is None
    assert line(acme, Event.SECRET_REVOKED).detail["secret"] == made.secret.public_id


def test_a_key_in_production_is_not_deleted_without_an_approval(acme, issue):
    made = issue(environment="production")
    issue(environment="production", name="other")
    with pytest.raises(NeedsApproval):
        delete_key(acme.enter("engineer", "production"), made.key.client_id)


def test_the_last_live_key_of_an_environment_stays(acme, issue):
    made, other = issue(), issue(name="other")
    disable_key(acme.enter("engineer"), other.key.client_id)
    with pytest.raises(LastKey):
        delete_key(acme.enter("engineer"), made.key.client_id)


def test_a_deleted_key_is_a_tombstone_and_frees_its_name(acme, issue):
    made = issue()
    issue(name="other")
    delete_key(acme.enter("engineer"), made.key.client_id)
    issue(name="billing-api")
    with pytest.raises(KeyEnded):
        enable_key(acme.enter("engineer"), made.key.client_id)
    assert line(acme, Event.KEY_DELETED).label == "billing-api"


def test_an_expiry_belongs_to_the_newest_secret(acme, issue):
    made = issue()
    at = timezone.now() + timedelta(days=30)
    set_expiry(acme.enter("engineer"), made.key.client_id, at)
    assert Secret.objects.get(pk=made.secret.pk).expires_at == at


def test_an_expired_secret_is_not_brought_back_by_a_later_date(acme, issue):
    made = issue(expires_at=timezone.now() - timedelta(minutes=1))
    with pytest.raises(KeyEnded):
        set_expiry(acme.enter("engineer"), made.key.client_id, None)


def test_support_asks_for_a_test_and_a_second_press_asks_for_no_second(acme, issue):
    made = issue()
    first = request_test(acme.enter("support"), made.key.client_id)
    assert request_test(acme.enter("support"), made.key.client_id) == first
    assert first.interactive


def test_a_viewer_asks_for_no_test(acme, issue):
    made = issue()
    with pytest.raises(PermissionDenied):
        request_test(acme.enter("viewer"), made.key.client_id)


def test_a_key_without_a_living_secret_has_nothing_to_test(acme, issue):
    made = issue()
    revoke_secret(acme.enter("engineer"), made.key.client_id, made.secret.public_id)
    with pytest.raises(NothingToTest):
        request_test(acme.enter("engineer"), made.key.client_id)


def test_a_cancelled_test_is_finished_and_says_so(acme, issue):
    made = issue()
    test = request_test(acme.enter("support"), made.key.client_id)
    cancel_test(acme.enter("support"), made.key.client_id, test.pk)
    test.refresh_from_db()
    assert test.finished_at
    assert test.cancelled_at


def test_a_scope_shows_for_each_key_what_may_be_done_to_it(acme, issue):
    ours, theirs = issue(name="ours", team=acme.team), issue(name="theirs", team=acme.other_team)
    scope = acme.enter("lead")
    assert scope.can_on(ours.key)["rotate"]
    assert not scope.can_on(theirs.key)["view"]
    assert scope.may(Action.EDIT, ours.key)
