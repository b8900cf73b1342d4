"""A permit in words: the act in one sentence, and what each value is called."""

from collections.abc import Mapping
from typing import Protocol

from environments.models import Environment
from environments.policy import Act


class Described(Protocol):
    """A permit, or the change that it would be for."""

    @property
    def act(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def environment(self) -> Environment | None: ...


DEEDS: Mapping[str, str] = {
    Act.CREATE: "make the key {label}",
    Act.ROTATE: "rotate {label}",
    Act.DELETE: "delete {label}",
    Act.ROLES: "change what {label} may do",
    Act.POLICY: "change the policy",
}
BUTTONS: Mapping[str, str] = {
    Act.CREATE: "making {label}",
    Act.ROTATE: "rotation of {label}",
    Act.DELETE: "deletion of {label}",
    Act.ROLES: "the role of {label}",
    Act.POLICY: "the new policy",
}


def deed(permit: Described) -> str:
    """'rotate billing-api in Production'."""
    words = DEEDS[permit.act].format(label=permit.label)
    return f"{words} in {permit.environment.name}" if permit.environment else words


def noun(permit: Described) -> str:
    """What a button approves: 'rotation of billing-api'."""
    return BUTTONS[permit.act].format(label=permit.label)
