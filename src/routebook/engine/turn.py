"""What one attempt is about, and what became of it; and how a request ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal

from routebook.errors import RoutebookError
from routebook.events import Event
from routebook.messages import Answer, Attempt, Candidate, Finish, Kind, Plan, ToolCall, ToolSpec

Emit = Callable[[Event], None]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How an attempt ended; filled while it runs, so that what came before a failure is kept."""

    attempt: Attempt
    """As it stands in the books."""
    need_usd: Decimal | None = None
    """The most it may cost; `None` when its price is unknown."""
    pieces: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """The arguments of tool calls as they were written."""
    finish: Finish | None = None
    ended: float | None = None
    """When the answer was whole, in the loop's time; checks come after it."""
    error: RoutebookError | None = None
    unforeseen: Exception | None = None
    """What is no error of ours; it goes on to the caller."""
    is_cancelled: bool = False
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What came, whole or not."""
        return "".join(self.pieces)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tools that it asks for."""
        return self.finish.calls if self.finish is not None else ()


Check = Callable[[Outcome], Awaitable[RoutebookError | None]]
"""Looks at a whole answer; returns `LowQuality` or a guessed `Refused`, or `None` when nothing is wrong with it."""


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
    check: Check | None = None
    tools: tuple[ToolSpec, ...] = ()
    may_call: bool = True
    """False: no steps are left, so the model must answer."""
    has_next: bool = False
    """Another candidate is left, so that a long queue need not be waited for."""
    has_free: bool = False
    """One of the others can be called at once."""
    is_modest: bool = False
    """It takes no memory from models that are to be kept warm, and does not wait for any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A request that is over, with all that was learned on its way: failed checks and refusals stand in the outcomes' `error`."""

    plan: Plan
    outcomes: tuple[Outcome, ...]
    answer: Answer | None
    """`None` when there is none, or it was cancelled."""
    error: RoutebookError | None
