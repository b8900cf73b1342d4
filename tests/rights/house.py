"""How a person opens an address of the table."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.contrib.messages.storage.fallback import FallbackStorage
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.test import RequestFactory
from django.urls import resolve, reverse
from django_htmx.middleware import HtmxDetails

from dashboard.sessions import SessionStore
from environments.models import (
    Member,
    User,
)
from tests.addresses import ADDRESSES
from tests.browsers import Browser, let_in
from tests.rights.people import (
    Person,
)
from tests.rights.rows import Answer, OnKey, OnRequest, Row, Target
from tests.rights.table import ROWS, Cell

ADDRESS = {each.name: each for each in ADDRESSES}
CAME_IN = frozenset({200, 302, 400, 409, 410, 422})
"""The page, the way on, or the form again with what was missing."""
SAID = {403: Answer.REFUSED, 404: Answer.NOTHING, 405: Answer.NOT_TAKEN}
type Values = Mapping[str, object]
NAMED = (
    "session token env permit client_id secret handover rotation public_key signed_test endpoint"
)
NOBODYS: dict[str, object] = {
    **dict.fromkeys(NAMED.split(), "none"),
    **dict.fromkeys(["pk", "access", "test"], 1),
    "file": "collection",
}
"""For who does not get as far as the row."""


@dataclass
class House:
    users: dict[Person, User]
    acme: dict[str, object]
    places: dict[str, Values]
    keys: dict[tuple[str, str], Values]
    imported: dict[tuple[str, str], Values]
    requests: dict[str, str]
    accesses: dict[Person, int]
    sessions: dict[Person, SessionStore] = field(default_factory=dict)

    def path(self, cell: Cell) -> str:
        row, address = ROWS[cell.address], ADDRESS[cell.address]
        return address.path(self.acme | dict(self._values(row, cell.target, cell.address)))

    def _values(self, row: Row, target: Target, address: str) -> Values:
        if isinstance(row, OnKey):
            keys = self.imported if row.imported else self.keys
            return {"env": target.place, **keys[target.place, target.team]}
        if isinstance(row, OnRequest):
            return {"permit": self.requests[target.name]}
        if target.place:
            return {"env": target.place, **self.places[target.place]}
        if address.endswith("bring_back_team"):
            return {"team": "former"}
        return (
            self._of_person(target.about) if target.about else {"team": target.team or "payments"}
        )

    def _of_person(self, about: Person) -> Values:
        member = Member.objects.get(user=self.users[about]).pk
        return {"member": member, "access": self.accesses[about]}

    def answer(self, cell: Cell) -> Answer | int:
        """As the view answers, behind the sign-in. Nothing of it stays."""
        row, person = ROWS[cell.address], cell.person
        assert person
        path = self.path(cell)
        made = RequestFactory().generic(cell.method, f"{path}?{row.asked}")
        if cell.method == "POST":
            made = RequestFactory().post(path, dict(row.sent))
        request: Any = made
        request.user, request.session = self.users[person], self.session(person)
        request.htmx, request.resolver_match = HtmxDetails(made), resolve(path)
        request._messages = FallbackStorage(made)
        with undone():
            try:
                match = request.resolver_match
                status = match.func(request, *match.args, **match.kwargs).status_code
            except Http404:
                status = 404
            except PermissionDenied:
                status = 403
        return Answer.IN if status in CAME_IN else SAID.get(status, status)

    def through_the_door(self, cell: Cell) -> Answer | int:
        """As the whole site answers, whose middleware asks who is signed in."""
        browser = Browser() if cell.person is None else let_in(Browser(), self.users[cell.person])
        path = ADDRESS[cell.address].path(NOBODYS | self.acme)
        with undone():
            answer = browser.generic(cell.method, path)
        if answer.status_code == 302 and answer["Location"].startswith(reverse("account_login")):
            return Answer.SIGN_IN
        # What is not there, or not now, is told to everybody alike.
        known = CAME_IN | {404, 503}
        return (
            Answer.IN
            if answer.status_code in known
            else SAID.get(answer.status_code, answer.status_code)
        )

    def session(self, person: Person) -> SessionStore:
        """Signed in a second ago, and nothing else in it."""
        user, store = self.users[person], SessionStore()
        now = {"method": "password", "at": time.time() - 1, "email": user.email}
        store["account_authentication_methods"] = [now]
        store["account_authentication_methods_user"] = str(user.pk)
        store.modified = False
        return store


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
