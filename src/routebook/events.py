"""What a stream of a request says, in order: `Decision` first, `Done` last."""

from __future__ import annotations

from routebook.messages import Answer, Delta, Plan, Value


class Decision(Value, frozen=True, kw_only=True):
    """First event of a stream: what was decided."""

    plan: Plan


class Waiting(Value, frozen=True, kw_only=True):
    """The request waits for a place at a model."""

    model: str
    place: int
    """In the queue, 1 is next; 0 when it waits for something else."""
    reason: str
    expected_s: float | None = None
    """About how long it will take, by what was seen of the model; `None` when nothing was."""


class Started(Value, frozen=True, kw_only=True):
    """An attempt was sent."""

    model: str
    attempt: int


class Switched(Value, frozen=True, kw_only=True):
    """An attempt failed and another follows; text streamed so far is void."""

    from_model: str
    to_model: str
    reason: str


class Done(Value, frozen=True, kw_only=True):
    """Last event of a stream."""

    answer: Answer


Event = Decision | Waiting | Started | Delta | Switched | Done
