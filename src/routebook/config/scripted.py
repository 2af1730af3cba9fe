"""How a `chaos` provider behaves: the tables of its script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from routebook.config.table import Table


class Fault(Table, frozen=True, kw_only=True):
    """One way in which a `chaos` provider misbehaves."""

    kind: Literal[
        "rate_limit",
        "server_error",
        "overloaded",
        "refused_connection",
        "slow_first_token",
        "stall",
        "cut",
        "malformed",
        "oversized",
        "wrong_content_type",
        "empty",
        "error_inside",
        "refusal",
        "context_overflow",
        "auth",
        "not_found",
        "redirect",
        "bad_framing",
    ]
    p: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """Share of the calls it hits."""
    first: Annotated[int, Meta(ge=0)] | None = None
    """Hit only the first N calls to the model; with `p`."""
    retry_after_s: Annotated[float, Meta(ge=0)] | None = None
    status: Annotated[int, Meta(ge=400, le=599)] | None = None
    after_tokens: Annotated[int, Meta(ge=0)] = 3
    """For faults inside a stream: so many tokens come first."""
    delay_s: Annotated[float, Meta(ge=0)] | None = None


class ScriptedCall(Table, frozen=True, kw_only=True):
    """A tool that a `chaos` model asks for."""

    name: str
    arguments: Mapping[str, Any] = msgspec.field(default_factory=dict)
    written: str | None = None
    """Arguments as text instead, which need not be JSON."""


class Chaos(Table, frozen=True, kw_only=True):
    """How a `chaos` provider, or one of its models, behaves: a real server on loopback that answers from a script."""

    wire: Literal["openai", "anthropic", "gemini", "ollama"] = "openai"
    seed: int = 0
    latency_s: Annotated[float, Meta(ge=0)] = 0.0
    """Before the first token."""
    tokens_per_s: Annotated[float, Meta(gt=0)] | None = None
    """Without it as fast as it goes."""
    tokens: Annotated[int, Meta(ge=0)] = 20
    reply: str | None = None
    """The answer; without it words made from the seed."""
    thoughts: str | None = None
    """What it thinks aloud before it answers, where the request lets it think."""
    faults: tuple[Fault, ...] = ()
    calls: tuple[tuple[ScriptedCall, ...], ...] = ()
    """Where the request has tools: what it asks for at first, after the first results, and so on; then it answers."""
    preamble: str = ""
    """What it says before it asks for tools."""
