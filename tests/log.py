"""What the audit log says happened."""

from environments.models import AuditEvent
from keys.models import Key


def events(**which: object) -> list[str]:
    """The names of its lines, first to last."""
    return list(
        AuditEvent.objects.filter(**which).order_by("sequence").values_list("event", flat=True)
    )


def happened(key: Key) -> list[str]:
    return events(subject=f"key:{key.client_id}")


def lines(event: str, *, denied: bool = False) -> int:
    return AuditEvent.objects.filter(event=event, denied=denied).count()
