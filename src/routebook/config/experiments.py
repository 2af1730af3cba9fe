"""`[experiments.NAME]`: a route's prompts, parted between models until it is clear which is better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from routebook.config.table import Table

Weight = Annotated[float, Meta(gt=0)]


class Experiment(Table, frozen=True, kw_only=True):
    """`[experiments.NAME]`."""

    route: str
    """Whose prompts are parted."""
    models: Annotated[Mapping[str, Weight], Meta(min_length=2)]
    """Models of the route or others, each with its weight; the route's own order follows as fallbacks."""
    outcome: Literal["votes", "checks", "cost", "latency"] = "votes"
    """Votes and checks: more is better. Cost and latency of the whole request, fallbacks with it: less is better."""
    sure: Annotated[float, Meta(ge=0.5, lt=1)] = 0.95
    """It ends when one may be so sure that one model is better, however often one looks."""
    most: Annotated[int, Meta(ge=20)] = 2000
    """It ends undecided after so many requests."""
