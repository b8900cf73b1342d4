"""Browsers of the tests, and how a person signs in there."""

import time

from django.conf import settings
from django.test import Client

from dashboard.sessions import SessionStore, digest
from environments.models import User


class Browser(Client):
    """Django's test client, for sessions whose cookie is not their key."""

    @property
    def session(self) -> SessionStore:
        cookie = self.cookies.get(settings.SESSION_COOKIE_NAME)
        if cookie:
            store = SessionStore(digest(cookie.value))
            store.token = cookie.value
            return store
        store = SessionStore()
        store.save()
        self.cookies[settings.SESSION_COOKIE_NAME] = str(store.token)
        return store

    def _set_login_cookies(self, request) -> None:
        super()._set_login_cookies(request)  # type: ignore[misc]  # private, without types
        self.cookies[settings.SESSION_COOKIE_NAME] = request.session.token


def let_in(client: Client, user: User, ago: float = 1) -> Client:
    """Signed in by password, `ago` seconds back."""
    client.force_login(user)
    session = client.session
    session["account_authentication_methods"] = [
        {"method": "password", "at": time.time() - ago, "email": user.email}
    ]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    assert settings.SESSION_COOKIE_NAME in client.cookies
    return client
