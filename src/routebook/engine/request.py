"""What a caller gave becomes a `Request`, checked."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from numbers import Integral
from typing import Any

from routebook.config.values import Config
from routebook.engine.ranges import check_range, plain, usd
from routebook.engine.schema import read_schema
from routebook.engine.toolbox.chest import notes_of
from routebook.errors import UsageError
from routebook.messages import PRIORITIES, TIERS, Message, Overrides, Params, Request
from routebook.near import did_you_mean


def build_request(prompt: str, overrides: Overrides, *, config: Config) -> Request:
    """Build a request with an id of its own.

    Raises:
        UsageError: the prompt is empty, or an override is unknown or out of its range.
    """
    if not prompt.strip():
        raise UsageError("The prompt is empty. Write it below the %%route line.")
    if overrides:
        _check(overrides)
    _check_text(prompt, overrides.get("system") or "")
    given = {name: plain(value) for name, value in overrides.items()}
    schema, shape = read_schema(given.get("schema"))
    return Request(
        id=uuid.uuid4().hex[:12],
        messages=_messages(prompt, given.get("system") or config.defaults.system, given.get("history") or ()),
        params=Params(
            max_tokens=given.get("max_tokens"), temperature=given.get("temperature"), think=given.get("think"), json_schema=schema
        ),
        model=given.get("model"),
        route=given.get("route"),
        pipeline=given.get("pipeline"),
        task=given.get("task"),
        complexity=given.get("complexity"),
        agent=given.get("agent"),
        tier=given.get("tier"),
        local=bool(given.get("local")),
        priority=given.get("priority"),
        deadline_s=given.get("deadline_s"),
        budget_usd=usd("budget_usd", given.get("budget_usd")),
        stream=given.get("stream", True),
        cache=given.get("cache"),
        fresh=bool(given.get("fresh")),
        tools=notes_of(given.get("tools"), config),
        confirm=given.get("confirm"),
        kind=given.get("kind", "answer"),
        notebook=given.get("notebook"),
        cell_id=given.get("cell_id"),
        shape=shape,
    )  # fmt: skip


def _messages(prompt: str, system: str | None, history: tuple[Message, ...]) -> tuple[Message, ...]:
    first = (Message(role="system", content=system),) if system else ()
    return (*first, *history, Message(role="user", content=prompt))


def _check_text(*texts: str) -> None:
    """Refuse what cannot be sent: half a surrogate pair, of a file that was decoded the wrong way."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UsageError(
                f"The prompt holds {text[error.start]!r} at character {error.start:,}, which is half a character. "
                "Decode its source as UTF-8, or drop it with errors='replace'."
            ) from error


def _check(overrides: Mapping[str, Any]) -> None:
    for name in overrides:
        if name not in Overrides.__annotations__:
            raise UsageError(f"There is no option {name!r}. {did_you_mean(name, Overrides.__annotations__)}")
    _check_one_of("tier", overrides.get("tier"), TIERS)
    _check_one_of("priority", overrides.get("priority"), PRIORITIES)
    _check_one_of("think", overrides.get("think"), ("on", "off", "keep"))
    for name, least, most in (
        ("complexity", 0, 10), ("temperature", 0, 2), ("max_tokens", 1, math.inf), ("deadline_s", 0.001, math.inf), ("cache", 0, math.inf),
    ):  # fmt: skip
        value = overrides.get(name)
        if value is not None:
            check_range(name, value, least, most)
    tokens = overrides.get("max_tokens")
    if tokens is not None and not isinstance(tokens, Integral):
        raise UsageError(f"max_tokens must be a whole number, not {tokens!r}.")


def _check_one_of(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise UsageError(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
