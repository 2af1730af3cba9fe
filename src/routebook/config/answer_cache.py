"""How long answers are given again: by route, by task, and for all the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from routebook.config.table import Table


class Cache(Table, frozen=True, kw_only=True):
    """How long a route's answers are given again to the same request."""

    ttl_s: Annotated[float, Meta(ge=0)]
    """0 keeps none of them, whatever `[cache]` says."""


class AnswerCache(Table, frozen=True, kw_only=True):
    """`[cache]`: which answers are kept where the route does not say, how long, and how many."""

    ttl_s: Annotated[float, Meta(ge=0)] | None = None
    """For every task that `tasks` does not name; without it, and by 0, their answers are not kept."""
    tasks: Mapping[str, Annotated[float, Meta(ge=0)]] = msgspec.field(default_factory=dict)
    """Seconds by task."""
    max_mb: Annotated[float, Meta(gt=0)] = 200.0
    """All answers together; what was used least recently goes first."""
