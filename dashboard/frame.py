"""What the frame around every page says of a person's organizations: one statement for all of it."""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from environments.counting import Counted
from environments.models import (
    AccessRequest,
    Heartbeat,
    Member,
    Notice,
    Organization,
    Permit,
    User,
)


def organizations(user: User, now: datetime) -> QuerySet[Organization]:
    """Each with the person's `role`, what they have not read (`unread`), whether anything may wait for somebody's word
    (`asked`), and the last signal of a worker (`worker_at`)."""
    permits = Permit.objects.filter(organization=OuterRef("pk"))
    requests = AccessRequest.objects.filter(organization=OuterRef("pk"))
    told = Notice.objects.visible_to(user).shown().unread().filter(organization=OuterRef("pk"))
    return (
        Organization.objects.visible_to(user)
        .select_related("deletion")
        .annotate(
            role=Subquery(
                Member.objects.filter(user=user, organization=OuterRef("pk")).values("role")
            ),
            unread=Counted(told.values("pk")),
            asked=Exists(permits.open(now))
            | Exists(permits.glass_open())
            | Exists(requests.open()),
            worker_at=Subquery(Heartbeat.objects.filter(name="worker").values("at")),
        )
        .order_by("name")
    )
