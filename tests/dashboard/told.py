"""What the installation's chain tells of signing in, and whether this browser is in."""

from environments.audit import INSTALLATION
from environments.models import AuditEvent


def happened():
    chain = AuditEvent.objects.filter(organization_id=INSTALLATION).order_by("sequence")
    return [(event.event, event.label) for event in chain]


def is_in(client):
    return client.get("/account/").status_code == 200
