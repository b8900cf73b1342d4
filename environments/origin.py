"""Where an act came from: kept with it in the audit log."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    address: str = ""
    request_id: str = ""


NOWHERE = Origin()
"""An act of the machine itself: no address, no request."""
