"""Numbers out of foreign JSON: counted tokens and reported prices, where they can be believed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from routebook.messages import Usage


def count(value: object) -> int | None:
    """Return a count of tokens; `None` for what is none (absent, negative, not a number)."""
    if isinstance(value, float) and math.isfinite(value):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def total(*counts: int | None) -> int | None:
    """Add counts; `None` when all are unknown."""
    known = [number for number in counts if number is not None]
    return sum(known) if known else None


def money(value: object) -> Decimal | None:
    """Return US dollars as a provider reported them."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        amount = Decimal(str(value))
    except ArithmeticError:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def as_object(value: object) -> Mapping[str, Any]:
    """Return what should be an object; an empty one when it is not."""
    return value if isinstance(value, dict) else {}


def part(value: object, name: str) -> Mapping[str, Any]:
    """Return a member that should be an object; an empty one when it is not, or not there."""
    return as_object(as_object(value).get(name))


def chat_completions_usage(usage: Mapping[str, Any]) -> Usage:
    """Read `usage` as OpenAI defines it, with DeepSeek's cache figures and OpenRouter's `cost`.

    Some (xAI, Gemini's compatible endpoint) leave thinking out of `completion_tokens` but not out of `total_tokens`: the total decides.
    """
    prompt, completion, everything = (count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    output = completion
    if prompt is not None and completion is not None and everything is not None:
        output = max(completion, everything - prompt)
    cached = count(part(usage, "prompt_tokens_details").get("cached_tokens"))
    return Usage(
        input_tokens=prompt,
        cached_tokens=cached if cached is not None else count(usage.get("prompt_cache_hit_tokens")),
        output_tokens=output,
        thinking_tokens=count(part(usage, "completion_tokens_details").get("reasoning_tokens")),
        cost_usd=money(usage.get("cost")),
    )
