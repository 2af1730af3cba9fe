"""The words that flow: what a request carries in, what backends say, what an answer carries out.

Every type here is an immutable value without behaviour of its own beyond reading itself. Nothing imports from any other floor.
Times are seconds (`_s`) or timezone-aware UTC datetimes, tokens are counts, money is `Decimal` US dollars, and what is unknown is `None`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypedDict

import msgspec

from routebook.text import fenced_code

Tier = Literal["local", "free", "paid"]
Priority = Literal["P0", "P1", "P2", "P3"]
Think = Literal["on", "off", "keep"]
Kind = Literal["answer", "retry", "fallback", "hedge", "judge", "warmup", "health", "cache"]
Status = Literal["running", "ok", "cached", "cancelled", "refused", "rate_limited", "timeout", "error", "lost"]
FinishReason = Literal["stop", "length", "tool_calls", "refusal", "cancelled", "error"]

TIERS: tuple[Tier, ...] = ("local", "free", "paid")
PRIORITIES: tuple[Priority, ...] = ("P0", "P1", "P2", "P3")


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the values that flow: immutable, compared by content, built by keyword."""


class Message(Value, frozen=True, kw_only=True):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str


class Params(Value, frozen=True, kw_only=True):
    """Request parameters in the field's usual names; `None` leaves the model's own default."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    think: Think | None = None
    json_schema: Mapping[str, Any] | None = None
    """A JSON schema that the answer must satisfy, where the model can be held to one."""
    extra: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Sent as it is, for what only one provider knows."""


class Overrides(TypedDict, total=False):
    """What a caller may decide instead of the router; every key is optional. One name for `%%route`, `ask`, `stream`, `plan` and `map`."""

    model: str | None
    """A model or pool: no choosing."""
    route: str | None
    task: str | None
    complexity: float | None
    agent: str | None
    tier: Tier | None
    """The dearest tier allowed."""
    local: bool
    """Nothing leaves the machine."""
    priority: Priority | None
    deadline_s: float | None
    budget_usd: float | Decimal | None
    """The most this request may cost, all attempts together."""
    system: str | None
    history: tuple[Message, ...]
    temperature: float | None
    max_tokens: int | None
    think: Think | None
    schema: Mapping[str, Any] | type | None
    """A JSON schema or a pydantic model that the answer must satisfy."""
    stream: bool
    """False asks for the answer whole, where nobody reads along."""
    cache: bool | float | None
    """False neither reads nor writes the cache; True and a number of seconds use it whatever `routing.toml` says."""
    fresh: bool
    """Do not read the cache; the new answer takes the old one's place."""
    kind: Literal["answer", "judge"]
    """What the request is for: `judge` weighs other answers."""
    notebook: str | None
    cell_id: str | None


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
    kind: Literal["answer", "judge"] = "answer"
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
    candidates: tuple[Candidate, ...]
    left_out: tuple[LeftOut, ...]
    input_tokens: int
    """Estimated, rather too many than too few; money is reserved by `tokens.most_tokens`, which never is too low."""
    local: bool
    """The wall: nothing of this request may leave the machine."""
    priority: Priority
    deadline_s: float
    max_attempts: int


class Call(Value, frozen=True, kw_only=True):
    """One call to one model, in words every backend understands."""

    model_id: str
    """The provider's own name for the model."""
    messages: tuple[Message, ...]
    params: Params
    stream: bool = True
    local: bool = False
    """True: the connection must end on this machine; a backend raises `LocalOnlyViolation` before it sends a byte elsewhere."""
    connect_s: float = 5.0


class Delta(Value, frozen=True, kw_only=True):
    """A piece of an answer."""

    text: str
    kind: Literal["text", "thinking"] = "text"


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
