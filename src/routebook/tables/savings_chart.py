"""What routing saved, drawn."""

from __future__ import annotations

from typing import Final

import altair as alt
import pandas as pd

from routebook.tables.amounts import usd
from routebook.tables.needed import EMPTY, need
from routebook.tables.offline import Chart, Layers
from routebook.tables.points import comparable
from routebook.tables.points import savings as savings_points
from routebook.tables.style import GAIN_COLOUR, HEIGHT, TIER_COLOURS, WIDTH, dollars, from_zero, moment_tip, nothing, time_axis, tip, titled

TITLE: Final = "Saved against always asking the dearest model"
PAID, DEAREST = "paid", "the dearest of each plan"
COLOURS: Final = {DEAREST: TIER_COLOURS["paid"], PAID: TIER_COLOURS["free"]}


def savings(frame: pd.DataFrame) -> Chart | Layers:
    """What was paid over time, below what the dearest model of each plan would have cost for the same tokens; the band between them was saved.

    Raises:
        UsageError: it is no frame of attempts.
    """
    points = savings_points(need(frame, "time", "status", "cost_usd", "baseline_usd"))
    if points.empty:
        return nothing(
            TITLE, EMPTY if frame.empty else "Of no attempt both what it cost and what the dearest model would have cost is known."
        )
    chart = alt.Chart(points).encode(
        x=alt.X("time:T", title=None, axis=time_axis(points)),
        tooltip=[moment_tip(), tip("dearest_usd", DEAREST, "$.4f"), tip("paid_usd", PAID, "$.4f")],
    )
    high = alt.Y("dearest_usd:Q", title="US dollars", axis=dollars(), scale=from_zero(points["dearest_usd"]))
    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    band = chart.mark_area(interpolate="step-after", opacity=0.22, color=GAIN_COLOUR).encode(y=high, y2="paid_usd:Q")
    lines = [
        chart.transform_calculate(what=f"{name!r}")
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(y=alt.Y(field), color=alt.Color("what:N", scale=scale, title=None))
        for name, field in ((DEAREST, "dearest_usd:Q"), (PAID, "paid_usd:Q"))
    ]
    drawn: Layers = Layers(data=points, layer=[band, *lines], title=titled(TITLE, f"green: {_saved(points)}", _left_out(frame)))
    sized: Layers = drawn.properties(width=WIDTH, height=HEIGHT)
    return sized


def _saved(points: pd.DataFrame) -> str:
    paid, dearest = points["paid_usd"].iloc[-1], points["dearest_usd"].iloc[-1]
    share = f" ({(dearest - paid) / dearest:.0%})" if dearest else ""
    return f"saved {usd(dearest - paid)} of {usd(dearest)}{share}"


def _left_out(frame: pd.DataFrame) -> str:
    count = int((frame["status"] != "running").sum()) - len(comparable(frame))
    return f"left out: {count:,} attempt{'' if count == 1 else 's'} of which one of the two is unknown" if count > 0 else ""
