"""What comes back from the one door: the stages of a request, timed, and the reply."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: running, ok or failed, how long it took, and a word about it."""

    name: str
    state: str
    ms: float
    note: str = ""

    def row(self) -> dict[str, str | float]:
        """As it is stored."""
        return {"name": self.name, "state": self.state, "ms": self.ms, "note": self.note}


class Course:
    """The stages so far; `tell` hears of each as it begins."""

    def __init__(self, tell: Callable[[Sequence[Stage]], None] | None = None) -> None:
        self.stages: list[Stage] = []
        self._tell = tell

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.stages.append(Stage(name, "running", 0))
        if self._tell:
            self._tell(self.stages)
        started, state = time.monotonic(), "failed"
        try:
            yield
            state = "ok"
        finally:
            self.stages[-1] = Stage(name, state, round((time.monotonic() - started) * 1000, 1))


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side answered; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
