"""A key follows the key set at its address: new keys count, those that leave end, and no attacker sets the pace."""

import pytest
from django.utils import timezone

from environments.models import AuditEvent, Notice
from keys.models import FETCHED_EVERY, PublicKey
from keys.services import key_sets as verbs
from keys.services.key_sets import NewKeySet, enter_key_set
from keys.services.public_keys import TakenFromAddress, revoke_public_key
from keys.set_outcomes import SetOutcome
from tests.keys.pairs import ED, P256, P384
from tests.keys.sets.conftest import events, fetch_due, living, pass_by, paste
from tests.servers import saying

pytestmark = pytest.mark.enable_socket


def test_what_stands_in_the_set_proves_the_key_and_the_log_says_since_when(followed, signed):
    (made,) = signed.public_keys.all()
    assert (made.kid, made.origin, made.created_by) == ("a", PublicKey.Origin.KEY_SET, None)
    assert followed.result is SetOutcome.READ
    assert not followed.waited_for
    assert events() == ["key-set.entered", "public-key.added"]
    line = AuditEvent.objects.get(event="public-key.added")
    assert line.actor_id is None
    assert line.detail["after"]["thumbprint"] == P256.thumbprint()


def test_a_set_that_did_not_change_changes_nothing(followed, signed, partner, time_machine):
    pass_by(time_machine, FETCHED_EVERY)
    assert fetch_due() == 1
    assert signed.public_keys.count() == 1
    assert events() == ["key-set.entered", "public-key.added"]
    assert fetch_due() == 0


def test_what_leaves_the_set_ends_and_what_joins_it_counts(followed, signed, partner, time_machine):
    partner.publish(ED, kid="b")
    pass_by(time_machine, FETCHED_EVERY)
    fetch_due()
    assert living(signed) == {"b"}
    gone = signed.public_keys.get(kid="a")
    assert gone.vanished_at == gone.revoked_at
    assert events()[2:] == ["public-key.revoked", "public-key.added"]


def test_another_key_under_the_same_kid_takes_its_place(followed, signed, partner, time_machine):
    partner.publish(P384, kid="a")
    pass_by(time_machine, FETCHED_EVERY)
    fetch_due()
    (lives,) = signed.public_keys.filter(revoked_at=None)
    assert (lives.kid, lives.kind) == ("a", "P-384")


def test_the_address_wins_over_what_was_pasted_from_the_first_good_fetch_on(acme, signed, partner):
    paste(acme, signed, P256, "pasted")
    both = paste(acme, signed, ED, "both")
    partner.answer = saying("", "500 Oops")
    enter_key_set(acme.enter("engineer"), signed.client_id, NewKeySet(partner.url))
    fetch_due()
    assert living(signed) == {"pasted", "both"}
    partner.publish(ED, kid="both")
    verbs.fetch_now(acme.enter("support"), signed.client_id)
    fetch_due()
    assert living(signed) == {"both"}
    both.refresh_from_db()
    assert both.origin == PublicKey.Origin.KEY_SET
    with pytest.raises(TakenFromAddress):
        paste(acme, signed, P384, "late")


@pytest.mark.parametrize("body", ['{"keys": []}', "oops", '{"keys": [{"kty": "oct", "k": "eA"}]}'])
def test_a_set_that_cannot_be_used_ends_nothing(followed, signed, partner, time_machine, body):
    partner.answer = saying(body)
    pass_by(time_machine, FETCHED_EVERY)
    fetch_due()
    assert living(signed) == {"a"}
    followed.refresh_from_db()
    assert followed.failing_since == timezone.now()
    assert events()[-1] == "key-set.unreadable"


def test_keepers_hear_once_of_what_lasts_and_once_of_its_end(
    acme, followed, signed, partner, time_machine
):
    partner.answer = saying("", "503 Busy")
    for _ in range(3):
        pass_by(time_machine, FETCHED_EVERY)
        fetch_due()
    (heard,) = Notice.objects.all()
    assert heard.user == acme["lead"]
    assert "cannot be read" in heard.title
    assert "Server error" in heard.text
    partner.publish(P256, kid="a")
    pass_by(time_machine, FETCHED_EVERY)
    fetch_due()
    titles = list(Notice.objects.order_by("pk").values_list("title", flat=True))
    assert titles[1:] == ["The key set of signer in Development is read again"]
    assert events()[-2:] == ["key-set.unreadable", "key-set.readable"]


def test_a_public_key_that_a_person_removed_does_not_come_back(
    acme, followed, signed, partner, time_machine
):
    made = signed.public_keys.get()
    revoke_public_key(acme.enter("engineer"), signed.client_id, made.public_id)
    pass_by(time_machine, FETCHED_EVERY)
    fetch_due()
    assert living(signed) == set()
    followed.refresh_from_db()
    assert followed.left_out == [
        f"The key with the fingerprint {P256.thumbprint()} was removed here by a person."
    ]
