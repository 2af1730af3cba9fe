"""Three charts, as pure functions: a frame of attempts in, an Altair chart out, drawn from at most a few hundred points."""

from __future__ import annotations

import math
from typing import Final

import altair as alt
import pandas as pd

from routebook.messages import TIERS
from routebook.tables.points import destinations as destination_points
from routebook.tables.points import spending, waits
from routebook.tables.totals import unpriced

# Okabe and Ito's colours, told apart by people with any colour vision: green stays, blue is free, orange costs.
TIER_COLOURS: Final = {"local": "#009E73", "free": "#0072B2", "paid": "#E69F00"}
BAR_COLOUR: Final = "#56B4E9"
TICK_COLOUR: Final = "#D55E00"
WIDTH: Final = 460
ROW: Final = 24
"""Pixels of one model's or task's bar."""


def spend(frame: pd.DataFrame) -> alt.Chart:
    """Spending over time, running total by tier. Attempts with an unknown cost are not in it; the subtitle says how many there are."""
    points = spending(frame)
    chart: alt.Chart = (
        alt.Chart(_ranked(points), title=_title("Spent, by tier", _priced_note(frame)))
        .mark_area(interpolate="step-after", opacity=0.8, line=True)
        .encode(
            x=alt.X("time:T", title=None, axis=_time_axis(points)),
            y=alt.Y("spent_usd:Q", title="US dollars", axis=alt.Axis(format="$~f", tickCount=4), stack="zero", scale=_from_zero(points)),
            color=_tier_colour(points),
            order=alt.Order("rank:Q"),
            tooltip=[_text("tier"), alt.Tooltip("time:T", format="%d %b %H:%M"), alt.Tooltip("spent_usd:Q", format="$.6f", title="spent")],
        )
        .properties(width=WIDTH, height=150)
    )
    return chart


def latency(frame: pd.DataFrame) -> alt.LayerChart:
    """Seconds to answer by model: the bar is the median of whole answers, the tick the median time to first token."""
    points = waits(frame)
    base = alt.Chart(points).encode(
        y=alt.Y("model:N", sort=None, title=None, axis=alt.Axis(labelLimit=200)),
        tooltip=[
            _text("model"),
            alt.Tooltip("ttft_s:Q", format=".2f", title="first token, s"),
            alt.Tooltip("latency_s:Q", format=".2f", title="whole answer, s"),
            alt.Tooltip("p95_s:Q", format=".2f", title="19 of 20 within, s"),
            alt.Tooltip("answers:Q"),
        ],
    )
    bars = base.mark_bar(opacity=0.75, color=BAR_COLOUR).encode(x=alt.X("latency_s:Q", title="seconds (median)"))
    ticks = base.mark_tick(thickness=3, color=TICK_COLOUR, size=14).encode(x="ttft_s:Q")
    title = _title("Time to answer, by model", "bar: whole answer · tick: first token")
    chart: alt.LayerChart = alt.LayerChart(layer=[bars, ticks], title=title).properties(width=WIDTH, height=_rows(points))
    return chart


def destinations(frame: pd.DataFrame) -> alt.Chart:
    """Where the prompts went: a bar for each task, in it a piece for each model that answered, coloured by tier."""
    points = destination_points(frame)
    chart: alt.Chart = (
        alt.Chart(_ranked(points), title=_title("Where the prompts went", "a bar for each task, a piece for each model"))
        .mark_bar(opacity=0.85, stroke="white", strokeWidth=1)
        .encode(
            x=alt.X("prompts:Q", title="prompts", axis=alt.Axis(format="~s", tickCount=_ticks(points))),
            y=alt.Y("task:N", title=None, sort="-x", axis=alt.Axis(labelLimit=200)),
            color=_tier_colour(points),
            order=alt.Order("rank:Q"),  # one field: a list of them is passed over
            detail="model:N",
            tooltip=[_text("task"), _text("model"), _text("tier"), alt.Tooltip("prompts:Q")],
        )
        .properties(width=WIDTH, height=_rows(points))
    )
    return chart


def _title(text: str, note: str) -> alt.TitleParams:
    return alt.TitleParams(text, subtitle=note, anchor="start")


def _priced_note(frame: pd.DataFrame) -> str:
    count = unpriced(frame)
    if not count:
        return "every attempt has a price" if len(frame) else "nothing is recorded yet"
    return "1 attempt without a known price is left out" if count == 1 else f"{count:,} attempts without a known price are left out"


def _text(field: str) -> alt.Tooltip:
    return alt.Tooltip(f"{field}:N")


def _ranked(points: pd.DataFrame) -> pd.DataFrame:
    """The points with a `rank` by which tiers are stacked: local at the bottom, paid on top."""
    return points.assign(rank=[TIERS.index(tier) for tier in points["tier"]])


def _ticks(points: pd.DataFrame) -> int:
    """So few ticks that no two of them stand for the same number of prompts."""
    longest = points.groupby("task")["prompts"].sum().max()
    return 1 if points.empty else min(8, int(longest))


def _rows(points: pd.DataFrame) -> alt.Step | int:
    """A height by the number of bars; a chart without any keeps the height of one, because some viewers fail on none."""
    return ROW if points.empty else alt.Step(ROW)


def _from_zero(points: pd.DataFrame) -> alt.Scale:
    """A scale that shows nothing spent as a line at the bottom, not in the middle."""
    return alt.Scale(domainMin=0, nice=True) if points["spent_usd"].any() else alt.Scale(domain=[0, 1])


def _time_axis(points: pd.DataFrame) -> alt.Axis | None:
    """Times of day within a day, days beyond; whole seconds however short the time was."""
    if points.empty:
        return None
    span_s = (points["time"].max() - points["time"].min()).total_seconds()
    steps = ((600, "%H:%M:%S"), (86_400, "%H:%M"), (math.inf, "%d %b"))
    return alt.Axis(format=next(form for most_s, form in steps if span_s <= most_s), tickCount=5, labelOverlap=True)


def _tier_colour(points: pd.DataFrame) -> alt.Color:
    """The colours of the tiers that occur, always the same ones; without any no legend either, because some viewers fail on an empty one."""
    tiers = [tier for tier in TIERS if (points["tier"] == tier).any()]
    if not tiers:
        return alt.Color("tier:N", legend=None)
    return alt.Color("tier:N", title=None, scale=alt.Scale(domain=tiers, range=[TIER_COLOURS[tier] for tier in tiers]))
