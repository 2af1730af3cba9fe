"""What a route does after each kind of failure."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from routebook.config.table import Table


class OnRateLimit(Table, frozen=True, kw_only=True):
    """What a route does after a 429."""

    waits_s: tuple[Annotated[float, Meta(ge=0)], ...] = ()
    """Wait so long before each retry, unless the provider states a longer time."""
    then: Literal["next", "raise"] = "next"


class OnTimeout(Table, frozen=True, kw_only=True):
    """What a route does when an attempt's time ran out."""

    retries: Annotated[int, Meta(ge=0)] = 0
    then: Literal["next", "raise"] = "next"


class OnRefusal(Table, frozen=True, kw_only=True):
    """What a route does after a refusal; without it the refusal is shown."""

    try_: tuple[str, ...] = msgspec.field(default=(), name="try")
    phrases: tuple[str, ...] = ()
    """Words that mark an answer as a refusal; a guess, and called one."""


class OnLowQuality(Table, frozen=True, kw_only=True):
    """What a route does with an answer that fails a check."""

    check: Literal["non_empty", "complete", "json", "schema"] | str = "complete"
    """A check by name, or `module:function` taking the answer's text."""
    try_: tuple[str, ...] = msgspec.field(default=(), name="try")
