"""What one attempt is about, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from routebook.errors import RoutebookError
from routebook.events import Event
from routebook.messages import Attempt, Candidate, Finish, Kind, Plan

Emit = Callable[[Event], None]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How an attempt ended; filled while it runs, so that what came before a failure is kept."""

    attempt: Attempt
    """As it stands in the books."""
    pieces: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    finish: Finish | None = None
    error: RoutebookError | None = None
    unforeseen: Exception | None = None
    """What is no error of ours; it goes on to the caller."""
    is_cancelled: bool = False
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What came, whole or not."""
        return "".join(self.pieces)


@dataclass(slots=True, kw_only=True)
class Turn:
    """What one attempt is about."""

    plan: Plan
    candidate: Candidate
    number: int
    kind: Kind
    reason: str
    until: float
    """The request's deadline, in the loop's time."""
    emit: Emit
