"""Quality against cost, drawn."""

from __future__ import annotations

import altair as alt
import pandas as pd

from routebook.tables.needed import UNVOTED, need
from routebook.tables.offline import Chart, Layers
from routebook.tables.style import BAR_COLOUR, HEIGHT, LABEL, QUIET, TICK_COLOUR, WIDTH, nothing, tier_colour, tip, titled
from routebook.tables.trade import KEPT, LEAST, ORACLE, RANDOM, ROUTED, SINGLE, graded, is_graded, voted

TITLE = "Quality against cost"
COLOURS = {SINGLE: BAR_COLOUR, RANDOM: "#CC79A7", ROUTED: TICK_COLOUR, ORACLE: QUIET}
FEW_LABELS = 8
"""With more models only those are named that nobody beats."""


def quality_cost(frame: pd.DataFrame) -> Chart | Layers:
    """How good each model's answers were against what they cost; a line joins the models that nobody beats for the same money (the Pareto front).

    Args:
        frame: attempts, as `router.frame()` gives them: quality is the mean vote. Or graded prompts, as `router.evaluate` takes them (`prompt`, a
            column with outcomes for each model, and `MODEL|total_cost`): then what routing, chance and an oracle reach is drawn too.

    Raises:
        UsageError: it is neither.
    """
    if is_graded(frame):
        return _of_graded(frame)
    points = voted(need(frame, "status", "kind", "model", "tier", "cost_usd", "feedback"))
    if points.empty:
        return nothing(TITLE, UNVOTED if not frame["feedback"].notna().any() else "The models that have votes have no known price.")
    return _drawn(
        points, [], tier_colour(points), titled(TITLE, "point: mean vote and where the truth lies, 19 times of 20", _missing(frame, points))
    )


def _of_graded(frame: pd.DataFrame) -> Chart | Layers:
    points, saved = graded(frame)
    if points.empty:
        return nothing(TITLE, "No prompt of the frame has an outcome and a cost of every model.")
    best = points.loc[points["what"] == SINGLE].iloc[0]
    kinds = [what for what in COLOURS if (points["what"] == what).any()]
    colour = alt.Color("what:N", title=None, scale=alt.Scale(domain=kinds, range=[COLOURS[what] for what in kinds]))
    note = f"fewer than {LEAST} different prompts: too few to learn a routing from"
    if saved is not None:
        note = f"routed keeps {KEPT:.0%} of what {best['model']} is worth and saves {saved:.0%} of its cost"
    return _drawn(points, [what for what in (ORACLE, ROUTED) if what in kinds], colour, titled(TITLE, note))


def _drawn(points: pd.DataFrame, curves: list[str], colour: alt.Color, title: alt.TitleParams) -> Layers:
    is_named = (points["what"] == SINGLE) & (points["front"] | ((points["what"] == SINGLE).sum() <= FEW_LABELS))
    data = points.assign(label=points.get("model", "").where(is_named, ""))  # one table for all layers, sent once
    at = alt.Chart(data).encode(
        x=alt.X(
            "usd_1000:Q",
            title="US dollars for 1,000 prompts",
            axis=alt.Axis(format="$~f", tickCount=5),
            scale=alt.Scale(nice=True, padding=12),
        ),
        y=alt.Y("quality:Q", title="good answers", axis=alt.Axis(format=".0%", tickCount=5), scale=alt.Scale(zero=False, nice=True)),
    )
    singles = at.transform_filter(f"datum.what === {SINGLE!r}")
    layers = [
        *(at.transform_filter(f"datum.what === {what!r}").mark_line(strokeWidth=2.5).encode(color=colour, order="usd_1000:Q") for what in curves),
        singles.transform_filter("datum.front").mark_line(interpolate="step-after", strokeDash=[4, 3], color=QUIET).encode(order="usd_1000:Q"),
        singles.mark_rule(strokeWidth=2, opacity=0.5).encode(y=alt.Y("low:Q"), y2="high:Q", color=colour),
        singles.mark_point(filled=True, size=90, opacity=1).encode(color=colour, tooltip=_tips(points)),
        singles.mark_text(style=LABEL, align="left", dx=9, dy=-7, fontSize=11).encode(text="label:N"),
    ]  # fmt: skip
    if RANDOM in points["what"].to_numpy():
        cross = at.transform_filter(f"datum.what === {RANDOM!r}").mark_point(shape="diamond", filled=True, size=110, opacity=1)
        layers.append(
            cross.encode(color=colour, tooltip=[tip("what"), tip("quality", form=".1%"), tip("usd_1000", "for 1,000 prompts", "$.4~r")])
        )
    chart: Layers = Layers(data=data, layer=layers, title=title).properties(width=WIDTH, height=HEIGHT)
    return chart


def _tips(points: pd.DataFrame) -> list[alt.Tooltip]:
    count = "votes" if "votes" in points.columns else "prompts"
    between = [tip("low", "at least", ".1%"), tip("high", "at most", ".1%")]
    return [tip("model"), tip("quality", form=".1%"), *between, tip(count, form=",d"), tip("usd_1000", "for 1,000 prompts", "$.4~r")]


def _missing(frame: pd.DataFrame, points: pd.DataFrame) -> str:
    """How many models of the frame have no place in the chart."""
    count = frame["model"].nunique() - len(points)
    return f"left out: {count} {'model' if count == 1 else 'models'} without votes or without a known price" if count > 0 else ""
