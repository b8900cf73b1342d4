"""Who may enter, fetch and remove the address of a key's public keys."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from environments.models import AuditEvent
from environments.outside import BadPlace
from keys.health import health
from keys.models import Key
from keys.services import key_sets as verbs
from keys.services.issuing import AgainstPolicy
from keys.services.key_sets import NewKeySet, enter_key_set
from tests.keys.pairs import ED, P256
from tests.keys.sets.conftest import fetch_due, living, paste

pytestmark = pytest.mark.enable_socket


@pytest.mark.parametrize("who", ["support", "viewer"])
def test_who_may_not_rotate_enters_no_address(acme, signed, partner, who):
    with pytest.raises(PermissionDenied):
        enter_key_set(acme.enter(who), signed.client_id, NewKeySet(partner.url))
    with pytest.raises(PermissionDenied):
        verbs.remove_key_set(acme.enter(who), signed.client_id, end_keys=True)


def test_a_lead_enters_one_for_the_own_teams_key(acme, signed, partner):
    enter_key_set(acme.enter("lead"), signed.client_id, NewKeySet(partner.url))
    line = AuditEvent.objects.get(event="key-set.entered")
    assert line.detail["after"]["url"] == partner.url
    assert line.detail["before"] is None


def test_a_viewer_asks_for_no_fetch(acme, held, signed):
    with pytest.raises(PermissionDenied):
        verbs.fetch_now(acme.enter("viewer"), signed.client_id)


def test_an_address_of_this_machine_is_refused(acme, signed):
    with pytest.raises(BadPlace):
        enter_key_set(acme.enter("engineer"), signed.client_id, NewKeySet("https://localhost/jwks"))


def test_where_keys_must_expire_its_public_keys_do(acme, signed, partner):
    acme.organization.environments.update(expiry_required=True)
    scope = acme.enter("engineer")
    with pytest.raises(AgainstPolicy):
        enter_key_set(scope, signed.client_id, NewKeySet(partner.url))
    ends = timezone.now() + timedelta(days=9)
    enter_key_set(scope, signed.client_id, NewKeySet(partner.url, expires_at=ends))
    partner.publish(P256)
    fetch_due()
    assert signed.public_keys.get().expires_at == ends


def test_who_removes_the_address_says_whether_its_keys_end(acme, followed, signed, partner):
    verbs.remove_key_set(acme.enter("engineer"), signed.client_id, end_keys=False)
    assert living(signed) == {"a"}
    paste(acme, signed, ED, "b")
    enter_key_set(acme.enter("engineer"), signed.client_id, NewKeySet(partner.url))
    fetch_due()
    verbs.remove_key_set(acme.enter("engineer"), signed.client_id, end_keys=True)
    assert living(signed) == set()
    line = AuditEvent.objects.filter(event="key-set.removed").latest("sequence")
    assert line.detail["ended"] == ["a"]


def test_a_key_whose_set_has_brought_none_says_so(held, signed):
    key = Key.objects.for_page().get(pk=signed.pk)
    assert health(key, timezone.now()).detail == "its key set has brought none"
