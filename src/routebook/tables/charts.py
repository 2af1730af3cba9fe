"""Three charts, as pure functions: a frame of attempts in, an Altair chart out, drawn from at most a few hundred points."""

from __future__ import annotations

from typing import Final

import altair as alt
import pandas as pd

from routebook.messages import TIERS
from routebook.tables.totals import spending

# Okabe and Ito's colours, told apart by people with any colour vision: green stays, blue is free, orange costs.
TIER_COLOURS: Final = {"local": "#009E73", "free": "#0072B2", "paid": "#E69F00"}
WIDTH: Final = 460


def spend(frame: pd.DataFrame) -> alt.Chart:
    """Spending over time, running total by tier. Attempts with an unknown price are not in it; the title says how many there are."""
    unpriced = int(frame["cost_usd"].isna().sum())
    note = f"{unpriced} attempts without a known price are left out" if unpriced else "every attempt has a price"
    chart: alt.Chart = (
        alt.Chart(spending(frame), title=alt.TitleParams("Spent, by tier", subtitle=note, anchor="start"))
        .mark_area(interpolate="step-after", opacity=0.8, line=True)
        .encode(
            x=alt.X("time:T", title=None),
            y=alt.Y("spent_usd:Q", title="US dollars", axis=alt.Axis(format="$.4~f", tickCount=5), stack="zero"),
            color=_tier_colour(),
            tooltip=[alt.Tooltip("time:T", format="%d %b %H:%M:%S"), "tier:N", alt.Tooltip("spent_usd:Q", format="$.6f")],
        )
        .properties(width=WIDTH, height=150)
    )
    return chart


def latency(frame: pd.DataFrame) -> alt.LayerChart:
    """Seconds to answer by model: the bar is the median total, the tick the median time to first token."""
    answered = frame[frame["status"].isin(["ok", "refused"])]
    seconds = answered.groupby("model", observed=True).agg(
        latency_s=("latency_s", "median"),
        ttft_s=("ttft_s", "median"),
        p95_s=("latency_s", lambda s: s.quantile(0.95)),
        answers=("model", "size"),
    )
    data = seconds.reset_index().sort_values("latency_s").astype({"model": str}).head(30)
    base = alt.Chart(data).encode(
        y=alt.Y("model:N", sort=None, title=None),
        tooltip=[
            "model",
            alt.Tooltip("ttft_s", format=".2f"),
            alt.Tooltip("latency_s", format=".2f"),
            alt.Tooltip("p95_s", format=".2f"),
            "answers",
        ],
    )
    bars = base.mark_bar(opacity=0.75, color="#56B4E9").encode(x=alt.X("latency_s:Q", title="seconds (median)"))
    ticks = base.mark_tick(thickness=3, color="#D55E00", size=14).encode(x="ttft_s:Q")
    title = alt.TitleParams("Time to answer, by model", subtitle="bar: whole answer · tick: first token", anchor="start")
    chart: alt.LayerChart = alt.LayerChart(layer=[bars, ticks], title=title).properties(width=WIDTH, height=alt.Step(24))
    return chart


def destinations(frame: pd.DataFrame) -> alt.Chart:
    """Where the prompts went: requests by task and the model that answered last, coloured by tier."""
    last = frame.drop_duplicates("request_id", keep="last")
    counts = last.groupby(["task", "model", "tier"], observed=True).size().reset_index(name="prompts")
    data = counts.astype({"task": str, "model": str, "tier": str}).nlargest(200, "prompts")
    chart: alt.Chart = (
        alt.Chart(data, title=alt.TitleParams("Where the prompts went", anchor="start"))
        .mark_circle(opacity=0.85)
        .encode(
            x=alt.X("model:N", title=None, axis=alt.Axis(labelAngle=-30, labelLimit=160)),
            y=alt.Y("task:N", title=None),
            size=alt.Size("prompts:Q", scale=alt.Scale(range=[60, 600]), legend=None),
            color=_tier_colour(),
            tooltip=["task", "model", "tier", "prompts"],
        )
        .properties(width=WIDTH, height=alt.Step(24))
    )
    return chart


def _tier_colour() -> alt.Color:
    return alt.Color("tier:N", title=None, scale=alt.Scale(domain=list(TIERS), range=[TIER_COLOURS[tier] for tier in TIERS]))
