"""What a caller may decide instead of the router. Other modules import it from `routebook.messages`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, TypedDict

from routebook.words import Message, Priority, Think, Tier


class Overrides(TypedDict, total=False):
    """What a caller may decide instead of the router; every key is optional. One name for `%%route`, `ask`, `stream`, `plan` and `map`."""

    model: str | None
    """A model or pool: no choosing."""
    route: str | None
    pipeline: str | None
    """These steps, whatever the route says."""
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
    tools: str | Sequence[str | Callable[..., Any]] | None
    """`"all"`, `"none"`, or tools: names in `[tools]`, or functions."""
    confirm: Callable[[str], bool] | None
    """Asked, on a thread of its own, before a tool marked `confirm` runs; without it such a tool is refused."""
    kind: Literal["answer", "judge"]
    """What the request is for: `judge` weighs other answers."""
    notebook: str | None
    cell_id: str | None
