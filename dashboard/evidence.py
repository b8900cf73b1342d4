"""What the person who decides a request should have seen: how its key stands, or what its people hold."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from environments import second_factor
from environments.access import OrgScope
from environments.approvals import SEVERAL
from environments.models import Member, Permit
from environments.policy import Act, OrgAction
from keys.health import Health, health, public_keys, unended
from keys.models import Key, PublicKey, Secret

LATELY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Evidence:
    """`risks` in words; empty where nothing speaks against it."""

    key: Key | None = None
    health: Health | None = None
    proofs: list[Secret | PublicKey] = field(default_factory=list)
    people: list[tuple[Member, bool]] = field(default_factory=list)
    """Each with whether they have a second factor."""
    risks: list[str] = field(default_factory=list)


def evidence(scope: OrgScope, permit: Permit) -> Evidence:
    """As far as this person may see it anyway."""
    kind, _, name = permit.subject.partition(":")
    if kind == "key" and permit.environment is not None:
        return _of_key(scope, permit, name)
    if kind == "member" and scope.may(OrgAction.VIEW_ROLES):
        return _of_people(scope, permit, name)
    return Evidence()


def _of_key(scope: OrgScope, permit: Permit, client_id: str) -> Evidence:
    seen = Key.objects.visible_to(scope.actor).for_page()
    key = seen.filter(environment=permit.environment, client_id=client_id).first()
    if key is None:
        return Evidence()
    now = timezone.now()
    proofs: list[Secret | PublicKey] = list(unended(key, now))
    proofs += [each for each in public_keys(key) if not each.ended_by(now)]
    used = [each.last_used_at for each in proofs if each.last_used_at]
    risks = []
    if permit.act == Act.DELETE and used and max(used) > now - LATELY:
        risks.append("A client has bought a token with it within the last day.")
    return Evidence(key, health(key, now), proofs, [], risks)


def _of_people(scope: OrgScope, permit: Permit, pk: str) -> Evidence:
    members = scope.organization.members.select_related("user").order_by("user__email")
    if permit.subject == SEVERAL:
        emails = {cell.partition(" in ")[0] for cell in permit.before}
        found = list(members.filter(user__email__in=emails))
    else:
        found = list(members.filter(pk=int(pk))) if pk.isdigit() else []
    people = [(member, second_factor.has_one(member.user)) for member in found]
    without = [str(member) for member, has in people if not has]
    risks = [f"Without a second factor: {', '.join(without)}."] if without else []
    return Evidence(people=people, risks=risks)
