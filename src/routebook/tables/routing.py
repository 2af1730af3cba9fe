"""How often prompts went the right way, by day: what was not marked with `%route wrong` counts as right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import altair as alt
import pandas as pd

from routebook.tables.interval import wilson
from routebook.tables.offline import Chart, Layers
from routebook.tables.style import BAR_COLOUR, WIDTH, nothing, tip, titled

COLUMNS: Final = ("day", "requests", "wrong", "accuracy", "low", "high")
TITLE: Final = "Did prompts go the right way?"


def routing_frame(counts: Sequence[tuple[int, str, int, int]]) -> pd.DataFrame:
    """One row a day: requests, how many were marked wrong, the share that was not, and where the truth lies, 19 times of 20."""
    frame = pd.DataFrame(counts, columns=["day", "task", "requests", "wrong"]).groupby("day", as_index=False)[["requests", "wrong"]].sum()
    frame["day"] = pd.to_datetime(frame["day"].astype("int64"), unit="D")
    frame["accuracy"] = 1 - frame["wrong"] / frame["requests"]
    frame["low"], frame["high"] = wilson(frame["accuracy"].to_numpy("float64"), frame["requests"].to_numpy("float64"))
    return frame[list(COLUMNS)]


def routing(frame: pd.DataFrame) -> Chart | Layers:
    """The share of prompts that went the right way, by day, with where the truth lies; takes what `router.routing()` gives."""
    if frame.empty:
        return nothing(TITLE, "The books have no request that was routed. Run a %%route cell first.")
    base = alt.Chart(frame).encode(
        x=alt.X("day:T", title=None, axis=alt.Axis(format="%d %b", tickCount="day")),
        tooltip=[tip("day", form="%d %b %Y"), tip("accuracy", form=".1%"), tip("requests", form=",d"), tip("wrong", "marked wrong", ",d")],
    )
    band = base.mark_area(opacity=0.2, color=BAR_COLOUR).encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(point=True, color=BAR_COLOUR).encode(
        y=alt.Y("accuracy:Q", title="went the right way", axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1]))
    )
    chart: Layers = Layers(data=frame, layer=[band, line], title=titled(TITLE, "what nobody marked wrong counts as right")).properties(
        width=WIDTH, height=150
    )
    return chart
