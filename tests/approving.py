"""Policies that ask for approvals, and further people who may give them."""

from datetime import timedelta

import pytest
from django.db.models import F

from environments.approvals import NeedsApproval
from environments.models import AuditEvent, Environment, EnvironmentGrant, Member, Permit, User
from environments.policy import EnvironmentRole, OrganizationRole
from environments.services import permits, roles
from tests.cast import Place, person
from tests.pages import forms, text_of

WHY = {"why": "The customer waits"}
DAY = timedelta(days=1)


def asks_for(acme: Place, slug: str = "production", **numbers: int) -> None:
    """`create=2`: two others approve before a key is made there."""
    values = {f"approvals_{act}": number for act, number in numbers.items()}
    Environment.objects.filter(organization=acme.organization, slug=slug).update(**values)


def joins(acme: Place, name: str, role: OrganizationRole = OrganizationRole.MEMBER) -> User:
    acme.people[name] = person(name)
    Member.objects.create(organization=acme.organization, user=acme[name], role=role)
    return acme[name]


def engineer(acme: Place, name: str, slug: str = "production") -> User:
    user = joins(acme, name)
    EnvironmentGrant.objects.create(
        member=acme.member(name), environment=acme.environment(slug), role=EnvironmentRole.ENGINEER
    )
    return user


def owner(acme: Place, name: str) -> User:
    return joins(acme, name, OrganizationRole.OWNER)


def the_request() -> Permit:
    return Permit.objects.for_page().latest("pk")


def approved_by(acme: Place, *names: str) -> Permit:
    for name in names:
        permits.approve(acme.org(name), the_request().public_id)
    return the_request()


def ended(permit: Permit) -> None:
    """As long ago as a request lives."""
    Permit.objects.filter(pk=permit.pk).update(
        asked_at=F("asked_at") - permits.LIFE, ends_at=F("ends_at") - permits.LIFE
    )


def ask(client, answer, why: str = "The customer waits"):
    """Sends the form that an act's page has turned into."""
    assert answer.status_code == 409, text_of(answer)
    (form,) = [each for each in forms(answer.content) if each.action.endswith("/approvals/ask/")]
    return client.post(form.action, dict(form.values) | {"why": why})


def again(client, permit: Permit):
    """Opens the page that the permit leads to, and sends it as it is filled in."""
    opened = client.get(permit.page)
    (form,) = [
        each for each in forms(opened.content) if each.method == "post" and "once" in each.names
    ]
    return client.post(form.action or permit.page, dict(form.values))


def events() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("event", flat=True))


def wish(acme, by="admin", role=EnvironmentRole.ENGINEER) -> Permit:
    """Asks for what the verb refuses."""
    with pytest.raises(NeedsApproval) as needs:
        roles.set_environment_role(acme.org(by), acme.member("viewer").pk, "production", role)
    page = f"/o/acme/members/{acme.member('viewer').pk}/"
    return permits.ask(acme.org(by), permits.Wish(needs.value.change, page, "On call"))


def give(acme, by="admin", role=EnvironmentRole.ENGINEER) -> bool:
    return roles.set_environment_role(acme.org(by), acme.member("viewer").pk, "production", role)
