"""The words that all others are made of: who speaks, how a model is asked, and what a tool is to a model.

Every type here is an immutable value without behaviour of its own. Other modules import these from `routebook.messages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

Tier = Literal["local", "free", "paid"]
Priority = Literal["P0", "P1", "P2", "P3"]
Think = Literal["on", "off", "keep"]
Kind = Literal["answer", "retry", "fallback", "hedge", "tool", "judge", "evaluation", "warmup", "health", "cache"]
Status = Literal["running", "ok", "cached", "cancelled", "refused", "rate_limited", "timeout", "error", "lost"]
FinishReason = Literal["stop", "length", "tool_calls", "refusal", "cancelled", "error"]

TIERS: tuple[Tier, ...] = ("local", "free", "paid")
PRIORITIES: tuple[Priority, ...] = ("P0", "P1", "P2", "P3")
ASIDE: Final[tuple[Kind, ...]] = ("health", "warmup", "judge", "evaluation")
"""Kinds of attempts that answer no prompt of the user's."""


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the values that flow: immutable, compared by content, built by keyword."""


class ToolSpec(Value, frozen=True, kw_only=True):
    """A tool as a model is told of it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """A JSON schema of an object: the arguments."""


class ToolCall(Value, frozen=True, kw_only=True):
    """A model asks for a tool to be run."""

    id: str
    """Joins the call with its result."""
    name: str
    arguments: str
    """JSON as the model wrote it, which may not be JSON at all."""


class ToolNote(Value, frozen=True, kw_only=True):
    """A tool that a request may use, as far as is known before it is opened."""

    name: str
    network: bool = True
    """It may send something out of the machine, so it stays behind the wall."""
    cache: bool = False
    """Answers made with it may be given again."""
    own: Any = None
    """The tool itself, where it is not one of `[tools]`."""


class ToolLeftOut(Value, frozen=True, kw_only=True):
    """A tool that the models are not told of, and why."""

    name: str
    reason: str


ToolStatus = Literal["ok", "error", "timeout", "refused", "cancelled"]


class ToolRun(Value, frozen=True, kw_only=True):
    """One call of a tool and what became of it."""

    id: str
    name: str
    arguments: str
    """Short, for a person to read."""
    status: ToolStatus
    seconds: float
    bytes: int
    """Of the whole result, of which the model may have got the beginning only."""
    result: str
    """What the model was told, its beginning."""
    attempt: int
    """The number of the attempt that asked for it."""
    by: str
    """The tool that gave the result: `name`, or one of its fallbacks."""


class Message(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    calls: tuple[ToolCall, ...] = ()
    """The tools that an assistant's turn asks for."""
    call_id: str = ""
    """Of a tool's turn: the call that this is the result of."""
    name: str = ""
    """Of a tool's turn: the tool."""
    is_error: bool = False
    """Of a tool's turn: it failed."""
    echo: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Of an assistant's turn, by wire format: what its provider wants back as it came (signatures of thoughts)."""
    by: str = ""
    """Of an assistant's turn: who said it, `PROVIDER/MODEL` as in `routing.toml`; its `echo` goes to nobody else. Empty: said in this request."""


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
