"""The provider as owners set it: its secret sealed, and who came by it signed out when it changes."""

import pytest

from dashboard.flow import callback_address
from environments.models import (
    AuditEvent,
    IdentityProvider,
)
from tests.browsers import Browser
from tests.dashboard.sso.coming import SETTINGS, come, is_in, linked, refused, typed
from tests.oidc import SECRET

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]


def test_the_secret_rests_sealed_for_this_client_and_is_never_shown(acme_okta, sign_in, idp):
    assert SECRET not in acme_okta.sealed_secret
    page = sign_in("owner").get(SETTINGS).content.decode()
    assert SECRET not in page
    assert acme_okta.sealed_secret not in page
    assert SECRET not in str(list(AuditEvent.objects.values()))
    assert callback_address("acme") in page


def test_a_sealed_secret_opens_for_no_other_row(acme, acme_okta, idp, newcomer):
    IdentityProvider.objects.filter(pk=acme_okta.pk).update(client_id="another")
    answer = newcomer.get("/accounts/sso/acme/start/")
    assert "secret cannot be opened any more" in refused(answer)


def test_only_owners_set_it_after_a_fresh_sign_in(acme, idp, sign_in):
    assert sign_in("admin").post(SETTINGS, typed(idp)).status_code == 403
    assert sign_in("stranger").get(SETTINGS).status_code == 404
    stale = sign_in("owner", ago=3600).post(SETTINGS, typed(idp))
    assert "reauthenticate" in stale.headers["Location"]
    assert not IdentityProvider.objects.exists()


def test_a_new_issuer_or_client_takes_a_secret_and_a_new_name_does_not(acme_okta, idp, sign_in):
    client = sign_in("owner")
    assert client.post(SETTINGS, typed(idp, secret="", client_id="new")).status_code == 422
    client.post(SETTINGS, typed(idp, secret="", name="Okta"))
    held = IdentityProvider.objects.get()
    assert (held.name, held.sealed_secret) == ("Okta", acme_okta.sealed_secret)
    assert AuditEvent.objects.filter(event="organization.provider-set").count() == 2


def test_another_client_signs_out_whoever_came_by_the_former(acme, acme_okta, idp, sign_in):
    linked(acme, idp)
    by_provider, _ = come(idp)
    sign_in("owner").post(SETTINGS, typed(idp, client_id="another"))
    assert not is_in(by_provider)


def test_removing_it_signs_out_whoever_came_by_it_and_ends_the_way(acme, acme_okta, idp, sign_in):
    linked(acme, idp)
    by_provider, _ = come(idp)
    own = sign_in("owner")
    own.post(f"{SETTINGS}remove/")
    assert not is_in(by_provider)
    assert is_in(own)
    assert Browser().get("/accounts/sso/acme/start/").status_code == 400
    assert AuditEvent.objects.filter(event="organization.provider-removed").count() == 1


@pytest.mark.parametrize(
    "issuer",
    [
        *("http://169.254.169.254", "file:///etc/passwd", "https://127.0.0.1", "javascript:x"),
        *("http://localhost:1", "nothing", "https://user:pw@idp.test", "x" * 501),
    ],
)
def test_an_address_that_nothing_may_be_sent_to_is_refused_at_the_field(acme, sign_in, issuer):
    form = {"name": "X", "issuer": issuer, "client_id": "c", "secret": "s"}
    answer = sign_in("owner").post(SETTINGS, form)
    assert answer.status_code == 422
    assert answer.context["form"].errors["issuer"]
