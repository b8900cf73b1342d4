"""The one context processor: where the person stands, which places they see, is the worker there."""

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from dashboard import frame as frame_facts
from dashboard import heartbeat, look, overview
from environments import inbox, second_factor
from environments.access import OrgScope, Scope, enter_organization
from environments.guard import vouched_for
from environments.models import Deletion, Environment, Organization, User
from environments.policy import ORGANIZATION_GRANTS, OrgAction, OrganizationRole

THEMES = ("system", "light", "dark")
VERSION = str(
    tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]["version"]
)
SECTIONS = {
    "overview": "overview",
    "keys:everywhere": "keys",
    "keys:environment": "environment",
    "environments:teams": "teams",
    "environments:team": "teams",
    "environments:members": "members",
    "environments:person": "members",
    "environments:matrix": "members",
    "keys:archive_team": "teams",
    "environments:bring_back_team": "teams",
    "keys:remove_member": "members",
    "keys:known_secrets": "members",
    **dict.fromkeys(
        [
            f"environments:{page}"
            for page in (
                "invite",
                "invitations",
                "invite_again",
                "edit_roles",
                "review_roles",
                "who_can",
                "remove",
            )
        ],
        "members",
    ),
    **dict.fromkeys(
        [
            f"environments:{page}"
            for page in (
                "new_team",
                "edit_team",
                "team_member",
                "issuing",
                "team_limit",
                "delete_team",
            )
        ],
        "teams",
    ),
    "environments:notices": "notices",
    **dict.fromkeys(
        [
            f"environments:{page}"
            for page in (
                "approvals",
                "approval",
                "break_glass",
                "ask_approval",
                "ask_access",
                "access_request",
                "grant_access",
            )
        ],
        "approvals",
    ),
    "environments:log": "log",
    "environments:export_log": "log",
    "environments:log_export": "log",
    "environments:log_retention": "log",
    "environments:settings": "settings",
    "environments:sign_on": "settings",
    "environments:danger": "settings",
    "keys:data_export": "settings",
    "keys:data_file": "settings",
    "environments:bring_back_environment": "settings",
    "keys:archive_environment": "settings",
    "environments:delete_organization": "settings",
    "environments:environments": "settings",
    "environments:new_environment": "settings",
    "environments:edit_environment": "settings",
    "provider": "settings",
    "keys:policy": "settings",
    **dict.fromkeys(
        [f"keys:{page}" for page in ("webhooks", "add_webhook", "webhook", "end_webhook")],
        "settings",
    ),
    "keys:expiries": "expiries",
}


@dataclass(frozen=True, slots=True)
class Place:
    """An environment as the frame shows it: form, address, and how many of its keys fail."""

    pk: int
    slug: str
    name: str
    kind: str
    address: str
    problems: int

    @property
    def production(self) -> bool:
        return self.kind == "production"


class Here:
    """Asked only by pages that draw the frame, so that a refused or broken request costs no query."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        scope = getattr(request, "scope", None)
        self.scope: Scope | OrgScope | None = scope if isinstance(scope, Scope | OrgScope) else None

    @property
    def person(self) -> User | None:
        """Nobody, where the request was refused before anyone asked who it is."""
        user = getattr(self.request, "user", None)
        return user if user and user.is_authenticated else None

    @cached_property
    def organizations(self) -> list[Organization]:
        user = self.person
        if user is None:
            return []
        own = frame_facts.organizations(user, timezone.now())
        only = vouched_for(self.request)
        return list(own.filter(pk=only) if only else own)

    def _said(self, what: str) -> Any:
        """Of the organization that the page is about; nothing where it is about none."""
        about = self.organization
        row = next((each for each in self.organizations if about and each.pk == about.pk), None)
        return getattr(row, what, None)

    @cached_property
    def organization(self) -> Organization | None:
        """Where the page is; on a page without a place, the only one the person has."""
        if self.scope:
            return self.scope.organization
        return self.organizations[0] if len(self.organizations) == 1 else None

    @cached_property
    def environments(self) -> list[Place]:
        user = self.person
        if user is None or self.organization is None:
            return []
        return [
            _place(self.organization, each)
            for each in overview.environments(user, self.organization)
        ]

    @cached_property
    def environment(self) -> Place | None:
        if not isinstance(self.scope, Scope):
            return None
        return next(
            (each for each in self.environments if each.pk == self.scope.environment.pk), None
        )

    @cached_property
    def problems(self) -> int:
        return (
            self.environment.problems
            if self.environment
            else sum(each.problems for each in self.environments)
        )

    @property
    def section(self) -> str:
        match = self.request.resolver_match
        return SECTIONS.get(match.view_name, "") if match else ""

    @cached_property
    def _standing(self) -> OrgScope | None:
        """The person in the organization, also on a page of one of its environments."""
        user = self.request.user
        if isinstance(self.scope, OrgScope):
            return self.scope
        if not isinstance(user, User) or self.organization is None:
            return None
        return enter_organization(user, self.organization.slug)

    @cached_property
    def unread(self) -> int:
        """How much this person was told here and has not read."""
        return int(self._said("unread") or 0)

    @cached_property
    def to_decide(self) -> int:
        """How many requests wait for this person's word; ended and decided ones do not count."""
        here = self._standing if self._said("asked") else None
        return inbox.count(here, timezone.now()) if here else 0

    @cached_property
    def second_factor_by(self) -> datetime | None:
        """When this organization's gate will shut for a person who has no second factor yet."""
        user = self.person
        if user is None or self.organization is None:
            return None
        due = second_factor.missing(self.organization, user)
        return due if due and due > timezone.now() else None

    @property
    def archived(self) -> Environment | None:
        """The environment of the page, if it was archived: the switchers do not know it any more."""
        place = self.scope.environment if isinstance(self.scope, Scope) else None
        return place if place and place.archived_at else None

    @property
    def deletion(self) -> Deletion | None:
        """The request that the organization be deleted; it came along with its row."""
        asked: Deletion | None = getattr(self.organization, "deletion", None)
        return asked

    @property
    def may_edit(self) -> bool:
        return self._may(OrgAction.EDIT)

    @property
    def may_delete(self) -> bool:
        return self._may(OrgAction.DELETE)

    @property
    def may_read_log(self) -> bool:
        """The whole log: the link leads to no other."""
        return self._may(OrgAction.READ_LOG)

    def _may(self, action: OrgAction) -> bool:
        role = self._said("role")
        return role is not None and action in ORGANIZATION_GRANTS[OrganizationRole(role)]

    @property
    def worker_at(self) -> datetime | None:
        """The last signal of any worker; asked for alone where there is no organization."""
        if self.organizations:
            at: datetime | None = self.organizations[0].worker_at  # type: ignore[attr-defined]  # annotated
            return at
        return heartbeat.last("worker")


def _place(organization: Organization, environment: Environment) -> Place:
    try:
        address = reverse("keys:environment", args=[organization.slug, environment.slug])
    except NoReverseMatch:
        address = ""
    return Place(
        environment.pk,
        environment.slug,
        environment.name,
        environment.kind,
        address,
        overview.failing_of(environment),
    )


class Worker:
    """The last signal of any worker."""

    def __init__(self, here: Here) -> None:
        self.here = here

    @cached_property
    def at(self) -> datetime | None:
        return self.here.worker_at

    @property
    def alive(self) -> bool:
        return self.at is not None and timezone.now() - self.at < heartbeat.STALE


def frame(request: HttpRequest) -> dict[str, object]:
    theme = request.COOKIES.get("theme", "")
    here = Here(request)
    return {
        "here": here,
        "worker": Worker(here),
        "shortcuts": request.COOKIES.get("shortcuts") != "off",
        "theme": theme if theme in THEMES else "system",
        "look": look.of(request.COOKIES),
        "version": VERSION,
    }
