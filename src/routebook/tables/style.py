"""What all charts look like: colours, sizes, titles, and what stands where there is nothing to draw.

No colour of a text is fixed, because a front end with a dark theme gives it one that can be read.
"""

from __future__ import annotations

import math
from typing import Any, Final

import altair as alt
import pandas as pd

from routebook.messages import TIERS
from routebook.tables.offline import Chart

# Okabe and Ito's colours, told apart by people with any colour vision: green stays, blue is free, orange costs.
TIER_COLOURS: Final = {"local": "#009E73", "free": "#0072B2", "paid": "#E69F00"}
BAR_COLOUR: Final = "#56B4E9"
TICK_COLOUR: Final = "#D55E00"
GAIN_COLOUR: Final = "#009E73"
QUIET: Final = "#888888"
"""For what is only compared with; as far from white as from the dark theme's ground."""
WIDTH: Final = 460
HEIGHT: Final = 240
ROW: Final = 24
"""Pixels of one model's or task's bar."""


def titled(text: str, *notes: str) -> alt.TitleParams:
    """A title with what must be known to read the chart, a line each; empty notes are left out."""
    return alt.TitleParams(text, subtitle=[note for note in notes if note], anchor="start", subtitlePadding=4, offset=10)


def nothing(title: str, note: str) -> Chart:
    """A chart without a point, which says what to do."""
    chart: Chart = (
        Chart(pd.DataFrame({"points": [0]}), title=titled(title, note), view=alt.ViewBackground(stroke=None))
        .mark_point(opacity=0, tooltip=None, aria=False)
        .properties(width=WIDTH, height=1)
    )
    return chart


def tip(field: str, title: str | None = None, form: str | None = None) -> alt.Tooltip:
    """A line of a tooltip: a text, or with a format a figure."""
    if form is None:
        return alt.Tooltip(f"{field}:N", title=title or field)
    return alt.Tooltip(f"{field}:Q", title=title or field, format=form)


def moment_tip() -> alt.Tooltip:
    """The tooltip's line for a time."""
    return alt.Tooltip("time:T", format="%d %b %H:%M")


def ranked(points: pd.DataFrame) -> pd.DataFrame:
    """The points with a `rank` by which tiers are stacked: local at the bottom, paid on top."""
    return points.assign(rank=[TIERS.index(tier) for tier in points["tier"]])


def rows(points: pd.DataFrame) -> alt.Step | int:
    """A height by the number of bars; a chart without any keeps the height of one, because some viewers fail on none."""
    return ROW if points.empty else alt.Step(ROW)


def from_zero(usd: pd.Series) -> alt.Scale:
    """A scale that shows nothing spent as a line at the bottom, not in the middle."""
    return alt.Scale(domainMin=0, nice=True) if usd.any() else alt.Scale(domain=[0, 1])


def time_axis(points: pd.DataFrame) -> alt.Axis:
    """Times of day within a day, days beyond; whole seconds however short the time was."""
    span_s = (points["time"].max() - points["time"].min()).total_seconds()
    steps = ((600, "%H:%M:%S"), (86_400, "%H:%M"), (math.inf, "%d %b"))
    return alt.Axis(format=next(form for most_s, form in steps if span_s <= most_s), tickCount=5, labelOverlap=True)


def dollars(**more: Any) -> alt.Axis:  # noqa: ANN401  as Altair's axis
    """An axis of US dollars."""
    return alt.Axis(format="$~f", tickCount=4, **more)


def tier_colour(points: pd.DataFrame) -> alt.Color:
    """The colours of the tiers that occur, always the same ones."""
    tiers = [tier for tier in TIERS if (points["tier"] == tier).any()]
    return alt.Color(
        "tier:N",
        title=None,
        scale=alt.Scale(domain=tiers, range=[TIER_COLOURS[tier] for tier in tiers]),
        legend=alt.Legend(symbolOpacity=1),
    )
