"""`[expected]`: what a set-up was made to do, which `%route shares` holds what happened against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from routebook.config.table import Table

Seconds = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Expected(Table, frozen=True, kw_only=True):
    """`[expected]`: what you expect of your routes; it changes nothing, `%route shares` tells how it came out."""

    shares: Mapping[str, Share] = msgspec.field(default_factory=dict)
    """The share of the answers that comes from each model, 0 to 1."""
    average_s: Seconds | None = None
    """Seconds from a prompt to its whole answer, queue and fallbacks included, at most."""
    p95_s: Seconds | None = None
    """The same for 95 of 100 prompts."""
    fallbacks: Share | None = None
    """The share of the prompts that fell back to another model, at most."""
