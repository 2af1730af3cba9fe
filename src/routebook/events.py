"""What a stream of a request says, in order: `Decision` first, `Done` last."""

from __future__ import annotations

from typing import Literal

from routebook.messages import Answer, Delta, Plan, ToolRun, Value


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


class StepBegan(Value, frozen=True, kw_only=True):
    """A step of a pipeline begins. What is said until it ends is of it: no text of the answer comes, unless it is the last step of all."""

    step: str
    number: int
    """Its place among the steps, from 1."""
    of: int
    round: int
    parts: int = 1
    """So many chunks, each asked by itself."""


class StepDelta(Value, frozen=True, kw_only=True):
    """A piece of what a step answers; of a step over chunks, the whole answer to one of them."""

    step: str
    text: str
    kind: Literal["text", "thinking"] = "text"
    part: int | None = None
    """The number of the chunk, from 1."""


class StepEnded(Value, frozen=True, kw_only=True):
    """A step has ended."""

    step: str
    text: str
    answers: tuple[Answer, ...]
    """One, or one for each chunk; none when it failed and the pipeline goes on without it."""
    verdict: bool | None = None
    """What it said of the work so far; `None` when it gives no verdict."""


class ToolStarted(Value, frozen=True, kw_only=True):
    """A model asked for a tool, which runs now; what it said so far is not the answer."""

    id: str
    """Joins it with its end."""
    name: str
    arguments: str
    """Short, for a person to read."""


class ToolEnded(Value, frozen=True, kw_only=True):
    """A tool has run, or could not."""

    run: ToolRun


class Done(Value, frozen=True, kw_only=True):
    """Last event of a stream."""

    answer: Answer


Event = Decision | Waiting | Started | Delta | Switched | StepBegan | StepDelta | StepEnded | ToolStarted | ToolEnded | Done
