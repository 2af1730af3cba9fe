"""The charts of a frame of attempts: pure functions, a frame in, an Altair chart out that draws offline from at most a few hundred points.

This is `rb.charts`. Each chart takes what `router.frame()` returns, or a part of it, and says what to do when there is nothing to draw.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from routebook.tables.calibration_chart import calibration
from routebook.tables.heat_chart import heatmap
from routebook.tables.needed import EMPTY, need
from routebook.tables.offline import Chart, Layers
from routebook.tables.points import destinations, spending, waits
from routebook.tables.routing import routing
from routebook.tables.savings_chart import savings
from routebook.tables.style import (
    BAR_COLOUR,
    QUIET,
    TICK_COLOUR,
    WIDTH,
    dollars,
    from_zero,
    moment_tip,
    nothing,
    ranked,
    rows,
    tier_colour,
    time_axis,
    tip,
    titled,
)
from routebook.tables.totals import unpriced
from routebook.tables.trade_chart import quality_cost

__all__ = ["calibration", "heatmap", "latency", "quality_cost", "routing", "savings", "spend", "where"]


def spend(frame: pd.DataFrame) -> Chart:
    """Spending over time, running total by tier. Attempts with an unknown cost are not in it; the subtitle says how many there are.

    Raises:
        UsageError: it is no frame of attempts.
    """
    points = spending(need(frame, "time", "tier", "cost_usd", "status"))
    title = "Spent, by tier"
    if points.empty:
        return nothing(title, _priced_note(frame) if len(frame) else EMPTY)
    chart: Chart = (
        Chart(ranked(points), title=titled(title, _priced_note(frame)))
        .mark_area(interpolate="step-after", opacity=0.8, line=True)
        .encode(
            x=alt.X("time:T", title=None, axis=time_axis(points)),
            y=alt.Y("spent_usd:Q", title="US dollars", axis=dollars(), stack="zero", scale=from_zero(points["spent_usd"])),
            color=tier_colour(points),
            order=alt.Order("rank:Q"),
            tooltip=[tip("tier"), moment_tip(), tip("spent_usd", "spent", "$.6f")],
        )
        .properties(width=WIDTH, height=150)
    )
    return chart


def latency(frame: pd.DataFrame) -> Chart | Layers:
    """Seconds to answer by model: the bar is the median of whole answers, the tick the median time to first token, the line 19 of 20 answers.

    Raises:
        UsageError: it is no frame of attempts.
    """
    points = waits(need(frame, "status", "kind", "model", "ttft_s", "latency_s"))
    if points.empty:
        return nothing("Time to answer, by model", EMPTY)
    base = alt.Chart(points).encode(
        y=alt.Y("model:N", sort=None, title=None, axis=alt.Axis(labelLimit=200)),
        tooltip=[
            tip("model"),
            tip("ttft_s", "first token, s", ".2f"),
            tip("latency_s", "whole answer, s", ".2f"),
            tip("p95_s", "19 of 20 within, s", ".2f"),
            tip("answers", form=",d"),
        ],
    )
    bars = base.mark_bar(opacity=0.75, color=BAR_COLOUR).encode(x=alt.X("latency_s:Q", title="seconds"))
    spread = base.mark_rule(color=QUIET, strokeWidth=1.5).encode(x="latency_s:Q", x2="p95_s:Q")
    ticks = base.mark_tick(thickness=3, color=TICK_COLOUR, size=14).encode(x="ttft_s:Q")
    title = titled("Time to answer, by model", "bar: middle answer · tick: its first token · line: 19 of 20 answers took no longer")
    chart: Layers = Layers(layer=[bars, spread, ticks], title=title).properties(width=WIDTH, height=rows(points))
    return chart


def where(frame: pd.DataFrame) -> Chart:
    """Where the prompts went: a bar for each task, in it a piece for each model that answered, coloured by tier.

    Raises:
        UsageError: it is no frame of attempts.
    """
    points = destinations(need(frame, "status", "kind", "request_id", "task", "model", "tier"))
    if points.empty:
        return nothing("Where the prompts went", EMPTY)
    chart: Chart = (
        Chart(ranked(points), title=titled("Where the prompts went", "a bar for each task, a piece for each model"))
        .mark_bar(opacity=0.85, stroke="white", strokeWidth=1)
        .encode(
            x=alt.X("prompts:Q", title="prompts", axis=alt.Axis(format="~s", tickCount=_ticks(points))),
            y=alt.Y("task:N", title=None, sort="-x", axis=alt.Axis(labelLimit=200)),
            color=tier_colour(points),
            order=alt.Order("rank:Q"),  # one field: a list of them is passed over
            detail="model:N",
            tooltip=[tip("task"), tip("model"), tip("tier"), tip("prompts", form=",d")],
        )
        .properties(width=WIDTH, height=rows(points))
    )
    return chart


def _priced_note(frame: pd.DataFrame) -> str:
    count = unpriced(frame)
    if not count:
        return "every attempt has a price"
    return "1 attempt without a known price is left out" if count == 1 else f"{count:,} attempts without a known price are left out"


def _ticks(points: pd.DataFrame) -> int:
    """So few ticks that no two of them stand for the same number of prompts."""
    return min(8, int(points.groupby("task")["prompts"].sum().max()))
