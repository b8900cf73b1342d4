"""The keys of the demo: one line for each."""

from datetime import timedelta
from typing import NamedTuple

from environments.models import Kind

DEVELOPMENT, STAGING, PRODUCTION = (kind.value for kind in Kind)


class Credential(NamedTuple):
    """A key to be made: when its secret ends, counted from now, and what has become of it."""

    environment: str
    name: str
    team: str | None
    note: str
    ends_in: timedelta | None = None
    state: str = "working"


KEYS = (
    Credential(DEVELOPMENT, "billing-api", "payments", "Invoices and refunds"),
    Credential(DEVELOPMENT, "search-indexer", "search", "Rebuilds the index every night"),
    Credential(DEVELOPMENT, "mail-relay", "platform", "Rotated last week", state="rotated"),
    Credential(
        DEVELOPMENT, "webhook-sender", "platform", "Its new secret waits", state="uncollected"
    ),
    Credential(
        DEVELOPMENT, "sandbox-partner", None, "For the partner's first steps", timedelta(days=60)
    ),
    Credential(STAGING, "billing-api", "payments", "Invoices and refunds"),
    Credential(
        STAGING, "load-generator", "platform", "Rests until the next rehearsal", None, "disabled"
    ),
    Credential(
        STAGING,
        "warehouse-synchronisation-with-the-eastern-logistics-partner",
        "platform",
        "A name as long as a name may be",
    ),
    Credential(PRODUCTION, "billing-api", "payments", "Invoices and refunds", timedelta(days=240)),
    Credential(PRODUCTION, "checkout", "payments", "Both secrets work", state="draining"),
    Credential(PRODUCTION, "refund-job", "payments", "Its old secret rests not yet", state="held"),
    Credential(PRODUCTION, "tax-report", "payments", "A keeper makes the next", state="prepared"),
    Credential(PRODUCTION, "ledger-export", "payments", "Monthly accounts", timedelta(days=5)),
    Credential(PRODUCTION, "legacy-importer", "platform", "To be switched off", timedelta(days=-2)),
    Credential(
        PRODUCTION,
        "status-page",
        "platform",
        "Restored without its pepper: refused until it is rotated",
        None,
        "failing",
    ),
)
