"""Tasks by models as a table in colour, drawn."""

from __future__ import annotations

from typing import Final, get_args

import altair as alt
import pandas as pd

from routebook.errors import UsageError
from routebook.near import did_you_mean
from routebook.tables.amounts import usd
from routebook.tables.needed import EMPTY, UNVOTED, need
from routebook.tables.offline import Chart, Layers
from routebook.tables.points import Show, cells
from routebook.tables.style import nothing, tip, titled

CELL: Final = (64, 26)
"""Pixels of a cell: across, down."""
GAPS: Final = alt.Scale(paddingInner=0.06, paddingOuter=0)
DARK, LIGHT = "#1a1a1a", "#ffffff"
TITLES: Final = {
    "count": ("Prompts, by task and model", "how many each model answered"),
    "outcome": ("Good answers, by task and model", "mean vote: 1 good, 0 bad · blue good, orange bad, empty: no vote yet"),
    "cost": ("Cost of an answer, by task and model", "mean US dollars of the answers whose price is known"),
}
NAMES: Final = {"count": "prompts", "outcome": "mean vote", "cost": "US dollars"}


def heatmap(frame: pd.DataFrame, *, show: Show = "count") -> Chart | Layers:
    """Tasks by models: how many prompts (`show="count"`), how good the answers were (`"outcome"`) or what one cost (`"cost"`).

    Raises:
        UsageError: it is no frame of attempts, or there is nothing of that name to show.
    """
    if show not in get_args(Show):
        raise UsageError(f"A heat map cannot show {show!r}. {did_you_mean(str(show), get_args(Show))}")
    points = cells(need(frame, "status", "kind", "request_id", "attempt", "task", "model", "cost_usd", "feedback"), show)
    title, note = TITLES[show]
    if points.empty:
        return nothing(
            title, EMPTY if frame.empty else UNVOTED if show == "outcome" else "No attempt of this frame was answered and can be counted."
        )
    data = points.assign(label=[_label(value, show) for value in points["value"]], ink=_inks(points["value"], show))
    models = list(dict.fromkeys(points.groupby("model")["n"].sum().sort_values(ascending=False, kind="stable").index))
    base = alt.Chart(data).encode(
        x=alt.X(
            "model:N",
            title=None,
            sort=models,
            scale=GAPS,
            axis=alt.Axis(orient="top", labelAngle=-30, labelLimit=140, ticks=False, domain=False),
        ),
        y=alt.Y(
            "task:N", title=None, sort=list(points["task"].unique()), scale=GAPS, axis=alt.Axis(labelLimit=200, ticks=False, domain=False)
        ),
        tooltip=[tip("task"), tip("model"), tip("label", NAMES[show]), tip("n", "votes" if show == "outcome" else "answers", ",d")],
    )
    squares = base.mark_rect(cornerRadius=3).encode(color=alt.Color("value:Q", legend=None, scale=_scale(show)))
    texts = base.mark_text(fontSize=11).encode(text="label:N", color=alt.Color("ink:N", scale=None))
    chart: Layers = Layers(data=data, layer=[squares, texts], title=titled(title, note), view=alt.ViewBackground(stroke=None))
    sized: Layers = chart.properties(width=alt.Step(CELL[0]), height=alt.Step(CELL[1])).resolve_scale(color="independent")
    return sized


def _scale(show: Show) -> alt.Scale:
    """Schemes that people with any colour vision read; light where there is little."""
    if show == "outcome":
        return alt.Scale(scheme="blueorange", reverse=True, domain=[0, 1])
    return alt.Scale(scheme="blues" if show == "count" else "oranges", domainMin=0)


def _inks(values: pd.Series, show: Show) -> list[str]:
    """The colour of each text: light on dark cells."""
    top = 1.0 if show == "outcome" else float(values.max()) or 1.0
    is_dark = ((values - 0.5).abs() > 0.35) if show == "outcome" else (values / top > 0.55)  # noqa: PLR2004  where the schemes grow dark
    return [LIGHT if dark else DARK for dark in is_dark]


def _label(value: float, show: Show) -> str:
    if show == "count":
        return f"{value:,.0f}"
    if show == "outcome":
        return f"{value:.2f}"
    return usd(value)
