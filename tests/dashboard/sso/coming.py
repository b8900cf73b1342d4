"""What people do on the way to their provider and back."""

from environments.models import (
    Identity,
)
from tests.browsers import Browser
from tests.oidc import CLIENT, SECRET
from tests.pages import text_of

SETTINGS = "/o/acme/settings/sign-on/provider/"
KEYS = "/o/acme/e/development/"


def typed(idp, **more):
    form = {"name": "Acme Okta", "issuer": idp.issuer, "client_id": CLIENT, "secret": SECRET}
    return form | more


def linked(acme, idp, name="viewer", subject="00u1", organization=None):
    return Identity.objects.create(
        organization=organization or acme.organization,
        user=acme[name],
        issuer=idp.issuer,
        subject=subject,
    )


def come(idp, client=None, start="/accounts/sso/acme/start/", **more):
    """To the provider and back; the answer of the callback."""
    client = client or Browser()
    leaving = client.get(start)
    assert leaving.status_code == 302, text_of(leaving)
    return client, client.get(idp.sign_in(leaving.headers["Location"], **more))


def is_in(client, page="/account/"):
    return client.get(page).status_code == 200


def refused(answer):
    assert answer.status_code == 400
    return text_of(answer)


def old(client):
    """The sign-in was an hour ago."""
    session = client.session
    key = "account_authentication_methods"
    session[key] = [{**each, "at": each["at"] - 3600} for each in session[key]]
    session.save()
    return client
