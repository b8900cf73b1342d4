"""What the parts of a rotation's page read."""

from dataclasses import dataclass
from datetime import datetime

from keys.models import CredentialTest, Rotation
from keys.rotation import Facts, Next, Step


@dataclass(frozen=True, slots=True)
class Seen:
    """What the parts of the page read."""

    rotation: Rotation
    facts: Facts
    coming: Next
    last: CredentialTest | None
    worker_at: datetime | None
    now: datetime

    @property
    def open(self) -> bool:
        return self.rotation.closed_at is None

    @property
    def step(self) -> Step | None:
        return self.coming.step if self.open else None

    @property
    def ending(self) -> bool:
        """The grace is over, or a person said so; the old one ends as soon as the new one is proven anew."""
        rotation = self.rotation
        if not (self.open and rotation.proven_at) or rotation.cut:
            return False
        return self.step not in {Step.DRAIN, Step.AWAIT_PROVIDER, Step.AWAIT_COLLECTION}

    @property
    def trying(self) -> str:
        """The state of a stage that tests bring on."""
        if self.facts.testing:
            return "run"
        return "bad" if self.facts.attempt else "now"
