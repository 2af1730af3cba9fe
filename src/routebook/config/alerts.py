"""`[alerts]` and `[metrics]`: what to be told of, and who may read the figures."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from routebook.config.table import Table

Seconds = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Alerts(Table, frozen=True, kw_only=True):
    """`[alerts]`: thresholds, watched over all kernels that share the books; each says so in the notebook, and to a webhook."""

    latency_s: Mapping[str, Seconds] = msgspec.field(default_factory=dict)
    """By model: say so when 95 of 100 answers of the window were not there in this time."""
    success: Share | None = None
    """Say so when a smaller share of the window's requests ended with an answer."""
    cache_hits: Share | None = None
    """Say so when a smaller share of the window's requests was answered from the cache."""
    spend_usd: Annotated[Decimal, Meta(extra={"ge": 0, "le": 1_000_000})] | None = None
    """Say so when more than this was spent today; 0 tells of the first cent."""
    quota: Share | None = None
    """Say so when this share of a limit a day, or of a pool's tokens, is used."""
    window_s: Seconds = 3600.0
    """How far back to look."""
    least: Annotated[int, Meta(ge=1)] = 20
    """Requests, or answers of a model, below which nothing is said of shares and latency."""
    again_s: Seconds = 3600.0
    """How long the same alert stays silent once it was said."""
    webhook_env: str | None = None
    """The NAME of a variable with a webhook's address (Slack's format: `{"text": …}`); an address itself is refused, because it is a key."""


class Metrics(Table, frozen=True, kw_only=True):
    """`[metrics]`: figures for other programs."""

    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    """Serve them to Prometheus at `http://127.0.0.1:PORT/metrics`; without it not at all."""
    spans: bool = False
    """Give each attempt to OpenTelemetry as a span, with the GenAI conventions' names; prompts and answers are never in it."""
