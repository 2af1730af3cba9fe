"""Whether models were as good as believed, drawn."""

from __future__ import annotations

from typing import Final

import altair as alt
import pandas as pd

from routebook.tables.needed import EMPTY, UNVOTED, need
from routebook.tables.offline import Chart, Layers
from routebook.tables.points import expectations
from routebook.tables.style import BAR_COLOUR, HEIGHT, QUIET, nothing, tip, titled

TITLE: Final = "Were the models as good as believed?"
UNBELIEVED: Final = (
    'No answer with a vote was chosen by what is believed. Learning chooses in pools with pick = "best" and in routes with quality.'
)


def calibration(frame: pd.DataFrame) -> Chart | Layers:
    """What was believed of the models that were chosen, against the votes on their answers: on the dashed line, belief and votes agree.

    Only answers that learning chose (`pick = "best"`, `quality`) and that have a vote can tell; what was believed is in their `reason`.

    Raises:
        UsageError: it is no frame of attempts.
    """
    points = expectations(need(frame, "feedback", "reason"))
    if points.empty:
        return nothing(TITLE, EMPTY if frame.empty else UNBELIEVED if frame["feedback"].notna().any() else UNVOTED)
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(points).encode(
        x=alt.X("believed:Q", title="believed", axis=alt.Axis(format=".0%", tickCount=5), scale=scale),
        tooltip=[
            tip("believed", form=".0%"),
            tip("good", form=".0%"),
            tip("low", "at least", ".0%"),
            tip("high", "at most", ".0%"),
            tip("votes", form=",d"),
        ],
    )
    high = alt.Y("good:Q", title="good answers", axis=alt.Axis(format=".0%", tickCount=5), scale=scale)
    spread = base.mark_rule(strokeWidth=2, opacity=0.6, color=BAR_COLOUR).encode(y=alt.Y("low:Q"), y2="high:Q")
    marks = base.mark_point(filled=True, opacity=1, color=BAR_COLOUR).encode(
        y=high, size=alt.Size("votes:Q", scale=alt.Scale(range=[40, 240]), legend=None)
    )
    same = base.mark_rule(strokeDash=[4, 3], color=QUIET).encode(
        x=alt.datum(0), x2=alt.datum(1), y=alt.datum(0), y2=alt.datum(1), tooltip=alt.value(None)
    )
    notes = (
        "over the dashed line: better than believed; under it: worse",
        "the larger a point the more votes;",
        "its line: where the truth lies, 19 times of 20",
    )
    chart: Layers = Layers(data=points, layer=[same, spread, marks], title=titled(TITLE, *notes)).properties(width=HEIGHT, height=HEIGHT)
    return chart
