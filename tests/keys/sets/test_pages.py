"""The pages of a key set's address."""

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.models import AuditEvent
from keys.models import KeySet
from keys.services.public_keys import revoke_public_key
from tests.cast import LONG_AGO
from tests.keys.pages.addresses import page
from tests.keys.pairs import ED, P256, key_set, public
from tests.keys.sets.conftest import fetch_due, living, pass_by
from tests.servers import saying

pytestmark = pytest.mark.enable_socket
TYPED = {"algorithm": "", "expiry": "none"}


def read(client, address: str, **more) -> str:
    return client.get(address, **more).content.decode()


def test_an_engineer_enters_an_address_watches_the_fetch_and_sees_the_keys(
    sign_in, signed, partner
):
    client = sign_in("engineer")
    assert page("change_key_set", signed) in read(client, page("add_public_key", signed))
    answer = client.post(page("change_key_set", signed), TYPED | {"url": partner.url})
    assert answer["Location"] == page("key_set", signed)
    waiting = read(client, answer["Location"])
    assert "Queued" in waiting
    assert 'hx-trigger="every 1s"' in waiting
    partner.publish(P256, kid="main")
    fetch_due()
    done = read(client, answer["Location"], headers={"HX-Request": "true"})
    assert "Key set reachable" in done
    assert "1 usable public key" in done
    assert "every 1s" not in done
    assert "<!doctype" not in done
    tab = read(client, page("detail", signed) + "?tab=public-keys")
    assert "main" in tab
    assert partner.url in tab
    assert "orks" not in tab.partition("Key set reachable")[2][:200]
    listed = read(client, "/o/acme/e/development/")
    assert "JWKS URL" in listed


def test_what_is_wrong_stands_on_the_page_with_what_to_do(sign_in, signed, held, partner):
    partner.answer = saying("", "404 Not Found")
    fetch_due()
    client = sign_in("viewer")
    shown = read(client, page("key_set", signed))
    assert "No key set at this address" in shown
    assert "letter by letter" in shown
    assert "Fetch now" not in shown
    assert "Its key set cannot be read" in read(client, page("detail", signed))


def test_what_a_second_fetch_cannot_read_needs_attention(
    sign_in, signed, held, partner, time_machine
):
    partner.answer = saying("", "503 Busy")
    client = sign_in("viewer")
    fetch_due()
    assert "Key set cannot be read" not in read(client, "/o/acme/")
    pass_by(time_machine, timedelta(minutes=21))
    fetch_due()
    assert "Key set cannot be read: server error" in read(sign_in("viewer"), "/o/acme/")


def test_what_was_taken_out_of_a_set_that_cannot_be_read_is_seen_to_work_on_and_ends_by_hand(
    sign_in, signed, followed, partner, acme, time_machine
):
    partner.answer = saying("", "503 Busy")
    pass_by(time_machine, timedelta(hours=5))
    fetch_due()
    assert living(signed) == {"a"}, "whether it is still in there nobody can tell"
    client = sign_in("lead")
    shown = read(client, page("detail", signed))
    assert "taken out of the set since" in shown
    assert "?tab=public-keys" in shown
    tab = read(client, page("detail", signed) + "?tab=public-keys")
    assert "Last seen in the set" in tab
    assert "5 h ago" in tab
    assert "Remove now public key a" in tab
    assert "Remove now" not in read(sign_in("viewer"), page("detail", signed) + "?tab=public-keys")
    revoke_public_key(acme.enter("lead"), signed.client_id, signed.public_keys.get().public_id)
    assert living(signed) == set()
    partner.publish(P256, kid="a")
    pass_by(time_machine, timedelta(hours=1))
    fetch_due()
    assert living(signed) == set(), "it stays out, though the set still has it"
    assert "Last seen in the set" not in read(
        sign_in("lead"), page("detail", signed) + "?tab=public-keys"
    )


def test_keys_that_were_left_out_are_named_and_foreign_text_is_only_text(
    sign_in, signed, held, partner
):
    keys = key_set(public(P256, use="enc"), public(ED, kid="<script>alert(1)</script>"))
    partner.answer = saying(keys)
    fetch_due()
    client = sign_in("engineer")
    assert "Key 1 of 2: This key says that it is not for signatures" in read(
        client, page("key_set", signed)
    )
    assert "<script>alert" not in read(client, page("detail", signed) + "?tab=public-keys")


def test_support_asks_for_a_fetch_and_a_viewer_is_refused(sign_in, signed, held, partner):
    KeySet.objects.update(asked_at=None, next_at=timezone.now() + timedelta(hours=1))
    assert sign_in("viewer").post(page("fetch_key_set", signed)).status_code == 403
    assert sign_in("stranger").post(page("fetch_key_set", signed)).status_code == 404
    answer = sign_in("support").post(page("fetch_key_set", signed))
    assert answer["Location"] == page("key_set", signed)
    held.refresh_from_db()
    assert held.waited_for


@pytest.mark.parametrize("name", ["change_key_set", "remove_key_set"])
def test_others_do_not_touch_the_address_and_an_old_sign_in_is_asked_for_again(
    sign_in, signed, held, name
):
    assert sign_in("support").post(page(name, signed)).status_code == 403
    assert AuditEvent.objects.filter(event="access.denied").exists()
    assert sign_in("stranger").get(page(name, signed)).status_code == 404
    assert sign_in("engineer", ago=LONG_AGO).get(page(name, signed)).status_code == 302


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://keys.partner.test/jwks.json", "Only https is called"),
        ("https://169.254.169.254/latest", "not a public address"),
        ("https://keys.partner.test:22/", "belongs to another service"),
        ("javascript:alert(1)", "not a web address"),
        ("", "required"),
    ],
)
def test_an_address_that_is_not_called_is_refused_at_the_field(
    sign_in, signed, settings, url, said
):
    settings.LATCHKEY_ALLOWED_NETWORKS = []
    answer = sign_in("engineer").post(page("change_key_set", signed), TYPED | {"url": url})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not KeySet.objects.exists()


def test_where_an_address_is_nothing_is_pasted(sign_in, signed, held):
    client = sign_in("engineer")
    assert client.get(page("add_public_key", signed))["Location"] == page("key_set", signed)
    shown = read(client, page("detail", signed) + "?tab=public-keys")
    assert page("add_public_key", signed) not in shown
    assert "which has brought none yet" in shown


def test_the_address_is_removed_and_its_keys_with_it_if_one_says_so(sign_in, signed, held, partner):
    partner.publish(P256, kid="a")
    fetch_due()
    client = sign_in("lead")
    assert partner.url in read(client, page("remove_key_set", signed))
    client.post(page("remove_key_set", signed), {"end_keys": "on"})
    assert not KeySet.objects.exists()
    assert not signed.public_keys.filter(revoked_at=None).exists()
    assert client.get(page("key_set", signed)).status_code == 404
