"""The words that flow: what a request carries in, what backends say, what an answer carries out.

Every type here is an immutable value without behaviour of its own beyond reading itself. Nothing imports from any other floor.
Times are seconds (`_s`) or timezone-aware UTC datetimes, tokens are counts, money is `Decimal` US dollars, and what is unknown is `None`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec

from routebook.overrides import Overrides
from routebook.text import fenced_code
from routebook.words import (
    ASIDE,
    PRIORITIES,
    TIERS,
    FinishReason,
    Kind,
    Message,
    Params,
    Priority,
    Status,
    Think,
    Tier,
    ToolCall,
    ToolLeftOut,
    ToolNote,
    ToolRun,
    ToolSpec,
    ToolStatus,
    Value,
)  # fmt: skip

__all__ = [
    "ASIDE", "PRIORITIES", "TIERS", "Answer", "Attempt", "Call", "Candidate", "Classification", "Delta", "Finish", "FinishReason",
    "Kind", "LeftOut", "Message", "Overrides", "Params", "Plan", "Priority", "Quota", "Replay", "Request", "Status", "Think", "Tier",
    "ToolCall", "ToolLeftOut", "ToolNote", "ToolRun", "ToolSpec", "ToolStatus", "Usage", "Value",
]  # fmt: skip


class Classification(Value, frozen=True, kw_only=True):
    """What a prompt asks for, and how sure we are."""

    task: str
    """One of the built-in labels or one of the user's own tasks."""
    confidence: float
    """0 to 1: the share of such calls that are right."""
    complexity: float
    """0 to 10: how hard it is."""
    strength: float
    """0 to 1: how much a strong model would gain over a weak one."""
    needs_tools: bool
    tools_score: float
    """0 to 1."""
    reasons: tuple[str, ...]
    """The words and signs that weighed most, for a person to read."""


class Request(Value, frozen=True, kw_only=True):
    """One prompt with everything that was asked about it."""

    id: str
    messages: tuple[Message, ...]
    """System message first where there is one; the prompt itself last."""
    params: Params
    model: str | None = None
    route: str | None = None
    task: str | None = None
    complexity: float | None = None
    agent: str | None = None
    tier: Tier | None = None
    local: bool = False
    priority: Priority | None = None
    deadline_s: float | None = None
    budget_usd: Decimal | None = None
    stream: bool = True
    cache: bool | float | None = None
    """False: none; True: as `routing.toml` says, else a day; a number: seconds; `None`: as `routing.toml` says."""
    fresh: bool = False
    """The cache is written, not read."""
    tools: tuple[ToolNote, ...] | None = None
    """The tools that the models are told of; `None` leaves it to the route."""
    confirm: Callable[[str], bool] | None = None
    """Asked before a tool marked `confirm` runs."""
    pipeline: str | None = None
    """The steps that it goes through, where it does."""
    step: str | None = None
    """Of a pipeline: this is one of its steps, with the id of the whole."""
    kind: Literal["answer", "judge", "evaluation"] = "answer"
    notebook: str | None = None
    cell_id: str | None = None
    shape: type | None = None
    """The pydantic model behind `params.json_schema`, which checks more than its schema says."""

    @property
    def text(self) -> str:
        """The prompt itself: the last message."""
        return self.messages[-1].content


class Candidate(Value, frozen=True, kw_only=True):
    """A model that will be tried, and why."""

    model: str
    provider: str
    tier: Tier
    pool: str | None
    reason: str
    expected_cost_usd: Decimal | None = None
    """For the estimated input and the typical output; `None` when the price is unknown."""


class LeftOut(Value, frozen=True, kw_only=True):
    """A model that will not be tried, and why."""

    model: str
    reason: str


class Plan(Value, frozen=True, kw_only=True):
    """What will be tried, in order, and what was left out. Made without I/O."""

    request: Request
    classification: Classification
    route: str
    """The name of the route that matched, or `-m NAME` when the caller chose."""
    route_reason: str
    candidates: Sequence[Candidate]
    """A tuple; of many, only those are made that somebody looks at."""
    left_out: tuple[LeftOut, ...]
    input_tokens: int
    """Estimated, rather too many than too few; money is reserved by `tokens.most_tokens`, which never is too low."""
    local: bool
    """The wall: nothing of this request may leave the machine."""
    priority: Priority
    deadline_s: float
    max_attempts: int
    tools: tuple[ToolNote, ...] = ()
    """What the models are told of."""
    tools_left_out: tuple[ToolLeftOut, ...] = ()


class Call(Value, frozen=True, kw_only=True):
    """One call to one model, in words every backend understands."""

    model_id: str
    """The provider's own name for the model."""
    messages: tuple[Message, ...]
    params: Params
    stream: bool = True
    tools: tuple[ToolSpec, ...] = ()
    """What the model may ask for; whether it runs is not the backend's affair."""
    may_call: bool = True
    """False: no tool may be asked for any more, so it must answer."""
    local: bool = False
    """True: the connection must end on this machine; a backend raises `LocalOnlyViolation` before it sends a byte elsewhere."""
    connect_s: float = 5.0


class Delta(Value, frozen=True, kw_only=True):
    """A piece of an answer."""

    text: str
    kind: Literal["text", "thinking", "call"] = "text"
    """`call`: a tool's arguments while they are written, of which nothing is shown."""


class Usage(Value, frozen=True, kw_only=True):
    """What one call used. Input counts cached tokens too; output counts thinking tokens too."""

    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    thinking_tokens: int | None = None
    cost_usd: Decimal | None = None
    """As the provider reported it; it wins over any price list."""
    is_estimated: bool = False


class Quota(Value, frozen=True, kw_only=True):
    """What a provider says is left of one of its limits."""

    kind: Literal["requests", "tokens", "input tokens", "output tokens"]
    period: Literal["minute", "day"]
    most: int | None
    """The limit itself; `None` when it is not told."""
    left: int
    resets_s: float
    """Seconds until it is whole again."""


class Finish(Value, frozen=True, kw_only=True):
    """The last word of a backend about a call that came to its end."""

    reason: FinishReason
    usage: Usage
    calls: tuple[ToolCall, ...] = ()
    """The tools that the model asks for."""
    echo: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """As in `Message`: what goes back to the provider with the calls."""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The rate-limit headers of the response, lower case."""
    timings: Mapping[str, float] = msgspec.field(default_factory=dict)
    """Seconds by name where the provider tells (Ollama: `load_s`, `prompt_s`, `generate_s`)."""


class Attempt(Value, frozen=True, kw_only=True):
    """One call to one model as the books keep it: a row of the frame."""

    time: dt.datetime
    request_id: str
    attempt: int
    """1 for the first attempt of the request."""
    kind: Kind
    task: str
    complexity: float
    strength: float
    route: str
    priority: Priority
    model: str
    provider: str
    tier: Tier
    status: Status
    notebook: str | None = None
    cell_id: str | None = None
    step: str | None = None
    """Of a pipeline, by its name."""
    agent: str | None = None
    pool: str | None = None
    error_type: str | None = None
    error: str | None = None
    queue_s: float | None = None
    """From being asked to being sent."""
    ttft_s: float | None = None
    """From being sent to the first token."""
    latency_s: float | None = None
    """From being sent to the end."""
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    thinking_tokens: int | None = None
    """Those of the output that were thought: as told, else estimated from what was thought aloud."""
    tokens_estimated: bool = False
    cost_usd: Decimal | None = None
    baseline_usd: Decimal | None = None
    """What the dearest model of the plan would have cost for the same tokens."""
    finish_reason: FinishReason | None = None
    feedback: float | None = None
    reason: str = ""


class Replay(Value, frozen=True, kw_only=True):
    """Where an answer came from that took no call of its own."""

    asked_at: dt.datetime
    """When its text was asked for."""
    cost_usd: Decimal | None
    """What it cost then; `None` when unknown."""
    request_id: str
    """Of the request that paid for it."""
    is_shared: bool
    """It came from the call of an equal request at the same time, not from the cache."""


class Answer(Value, frozen=True, kw_only=True):
    """What a request's attempts led to."""

    text: str
    request_id: str
    plan: Plan
    attempts: tuple[Attempt, ...]
    finish_reason: FinishReason
    thinking: str = ""
    notes: tuple[str, ...] = ()
    """What its reader should know besides: a budget's alert, a parameter left out."""
    replay: Replay | None = None
    """Set when nothing was sent for this request."""
    tools: tuple[ToolRun, ...] = ()
    """The tools that were run, in the order they were asked for."""
    steps: tuple[Answer, ...] = ()
    """What each step of a pipeline answered, in the order they ran; `plan.request.step` names it."""
    echo: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """What goes back to the model that answered when its thinking is kept, as in `Message`."""
    answered_by: int | None = None
    """The number of the attempt that gave the text, where it is not the last: a hedge that lost began after it."""

    @property
    def attempt(self) -> Attempt:
        """The attempt that gave the text."""
        return next((attempt for attempt in self.attempts if attempt.attempt == self.answered_by), self.attempts[-1])

    @property
    def model(self) -> str:
        """The name of the model that answered."""
        return self.attempt.model

    @property
    def turn(self) -> Message:
        """The answer as a turn of the conversation, for `history`; with what was thought, which goes to its own model only."""
        by = f"{self.attempt.provider}/{self.attempt.model}" if self.echo else ""
        return Message(role="assistant", content=self.text, echo=self.echo, by=by)

    @property
    def is_refusal(self) -> bool:
        """True when the model declined and no other model was asked instead."""
        return self.attempt.status == "refused"

    @property
    def cost_usd(self) -> Decimal | None:
        """US dollars over all attempts; `None` when the cost of one of them is unknown."""
        costs = [a.cost_usd for a in self.attempts]
        return None if None in costs else sum((c for c in costs if c is not None), Decimal(0))

    @property
    def code(self) -> str:
        """The fenced code blocks of the text, joined by a blank line; the whole text when it has none."""
        blocks = fenced_code(self.text)
        return "\n\n".join(blocks) if blocks else self.text

    def json(self) -> Any:  # noqa: ANN401  JSON is any value
        """The text as JSON: the first fenced block if there is one, else the text.

        Raises:
            ValueError: the text is not JSON; the message quotes its beginning.
        """
        source = self.code.strip()
        try:
            return msgspec.json.decode(source)
        except msgspec.DecodeError as error:
            msg = f"The answer is not JSON ({error}). It begins: {source[:80]!r}. Ask for JSON only, or give --schema."
            raise ValueError(msg) from error
