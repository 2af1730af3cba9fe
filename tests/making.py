"""Makes the values that tests of several modules need."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec

from routebook.config.values import Config
from routebook.messages import Attempt, Classification, Message, Params, Request


def config(**tables: Any) -> Config:  # noqa: ANN401  tables as in routing.toml
    """A config from tables as `routing.toml` has them, with three models of three tiers unless told otherwise."""
    given: dict[str, Any] = {
        "providers": {
            "mac": {"kind": "ollama"},
            "groq": {"kind": "openai", "base_url": "http://127.0.0.1:1/v1", "tier": "free"},
            "claude": {"kind": "anthropic", "tier": "paid"},
        },
        "models": {
            "small": {"provider": "mac", "id": "small:1b"},
            "fast": {"provider": "groq", "id": "llama"},
            "dear": {"provider": "claude", "id": "opus", "price": {"input": 15, "output": 75}},
        },
        "routes": [{"name": "chat", "try": ["small", "fast", "dear"]}],
    }
    return msgspec.convert(given | tables, Config, strict=False)


def seen(**changes: Any) -> Classification:  # noqa: ANN401
    """A sure classification of a plain question."""
    values: dict[str, Any] = {
        "task": "chat_qa", "confidence": 0.9, "complexity": 3.0, "strength": 0.3, "needs_tools": False, "tools_score": 0.1, "reasons": ("a test",),
    }  # fmt: skip
    return Classification(**(values | changes))


def request(text: str = "What is a monad?", **changes: Any) -> Request:  # noqa: ANN401
    """A request with nothing special about it."""
    values: dict[str, Any] = {"id": "r1", "messages": (Message(role="user", content=text),), "params": Params()}
    return Request(**(values | changes))


def attempt(**changes: Any) -> Attempt:  # noqa: ANN401
    """A row of the books: a priced answer of a paid model."""
    values: dict[str, Any] = {
        "time": dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC), "request_id": "r1", "attempt": 1, "kind": "answer",
        "task": "chat_qa", "complexity": 3.0, "strength": 0.3, "route": "chat", "priority": "P2",
        "model": "dear", "provider": "claude", "tier": "paid", "status": "ok",
        "input_tokens": 100, "output_tokens": 50, "cost_usd": Decimal("0.001"), "finish_reason": "stop",
    }  # fmt: skip
    return Attempt(**(values | changes))
