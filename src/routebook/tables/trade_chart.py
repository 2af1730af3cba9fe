"""Quality against cost, drawn."""

from __future__ import annotations

from collections.abc import Callable

import altair as alt
import pandas as pd

from routebook.errors import UsageError
from routebook.tables.amounts import usd
from routebook.tables.knob import settings
from routebook.tables.labels import ABOVE, BELOW, placed
from routebook.tables.needed import EMPTY, UNVOTED, need
from routebook.tables.offline import Chart, Layers
from routebook.tables.style import BAR_COLOUR, HEIGHT, QUIET, TICK_COLOUR, WIDTH, nothing, tier_colour, tip, titled
from routebook.tables.trade import KEPT, LEAST, ORACLE, RANDOM, ROUTED, SINGLE, graded, is_graded, voted

TITLE = "Quality against cost"
COLOURS = {SINGLE: BAR_COLOUR, RANDOM: "#CC79A7", ROUTED: TICK_COLOUR, ORACLE: QUIET}
HOW = "point: mean vote · its line: where the truth lies, 19 times of 20 · dashed: no model is better for less"
KNOB, HERE = "by the knob", "the knob here"
KNOB_COLOUR = "#6F4FBF"
Turning = Callable[[float | None], Chart | Layers]
"""Draws a chart at a setting of the knob; `None` leaves the knob out."""
INK, RIM = "#1a1a1a", "#ffffff"


def quality_cost(frame: pd.DataFrame, *, knob: float | None = None) -> Chart | Layers:
    """How good each model's answers were against what they cost; a line joins the models that nobody beats for the same money (the Pareto front).

    Args:
        frame: attempts, as `router.frame()` gives them: quality is the mean vote. Or graded prompts, as `router.evaluate` takes them (`prompt`, a
            column with outcomes for each model, and `MODEL|total_cost`): then what routing, chance and an oracle reach is drawn too.
        knob: a setting of `quality`, 0 to 1: what all its settings reach is drawn too, and where this one is.

    Raises:
        UsageError: it is neither, or the setting is out of its range.
    """
    return turning(frame)(knob)


def turning(frame: pd.DataFrame) -> Turning:
    """Return what draws the chart of a frame at any setting of the knob: all that takes long is done once. Raises as `quality_cost` does."""
    if is_graded(frame):
        points, saved = graded(frame)
        empty, kinds = (
            "No prompt of the frame has an outcome and a cost of every model.",
            [what for what in COLOURS if what in set(points.get("what", ()))],
        )
        notes = (
            []
            if points.empty
            else [_saving(points, saved), "oracle: as if every outcome were known before · dashed: no model is better for less"]
        )
        colour = alt.Color(
            "what:N", title=None, scale=alt.Scale(domain=kinds, range=[COLOURS[what] for what in kinds]), legend=alt.Legend(symbolOpacity=1)
        )
    else:
        points = voted(need(frame, "status", "kind", "model", "tier", "cost_usd", "feedback"))
        kinds, notes, colour = [], [HOW, _missing(frame, points)], tier_colour(points)
        empty = (
            EMPTY if frame.empty else UNVOTED if not frame["feedback"].notna().any() else "The models that have votes have no known price."
        )
    reached: list[pd.DataFrame] = []

    def draw(knob: float | None) -> Chart | Layers:
        if knob is not None and not 0 <= knob <= 1:
            raise UsageError(f"knob is a setting of quality, 0 to 1, and not {knob:g}.")
        if points.empty:
            return nothing(TITLE, empty)
        if knob is not None and not reached:
            reached.append(settings(frame))
        turned = _turned(reached[0], knob) if knob is not None else pd.DataFrame()
        return _drawn(points, turned, [what for what in (ORACLE, ROUTED) if what in kinds], colour, titled(TITLE, *notes, _told(turned)))

    return draw


def _saving(points: pd.DataFrame, saved: float | None) -> str:
    best = points.loc[points["what"] == SINGLE].iloc[0]
    if saved is None:
        return f"fewer than {LEAST} different prompts: too few to learn a routing from"
    return f"routed keeps {KEPT:.0%} of what {best['model']} is worth and saves {saved:.0%} of its cost"


def _turned(reached: pd.DataFrame, knob: float) -> pd.DataFrame:
    """What the knob's settings reach, and the one that is nearest to where it stands, once more."""
    if reached.empty:
        return reached
    here = reached.iloc[[int((reached["setting"] - knob).abs().argmin())]]
    return pd.concat([reached.assign(what=KNOB), here.assign(what=HERE)], ignore_index=True)


def _told(turned: pd.DataFrame) -> str:
    """Where the knob stands, in words."""
    return f"violet: by the knob; at {said(turned.iloc[-1])}" if len(turned) else ""


def said(setting: pd.Series) -> str:
    """A row of `settings` in words."""
    return (
        f"{setting['setting']:g}: {setting['quality']:.0%} good answers, {usd(setting['usd_1000'])} for 1,000 prompts, to {setting['to']}"
    )


def _drawn(points: pd.DataFrame, turned: pd.DataFrame, curves: list[str], colour: alt.Color, title: alt.TitleParams) -> Layers:
    data = _named(points)  # one table for all layers, sent once
    if not turned.empty:
        data = pd.concat([data, turned], ignore_index=True).fillna({"label": "", "below": False, "front": False, "to": ""})
    at = alt.Chart(data).encode(
        x=alt.X("usd_1000:Q", title="US dollars for 1,000 prompts", axis=alt.Axis(format="$~f", tickCount=5), scale=alt.Scale(padding=12)),
        y=alt.Y("quality:Q", title="good answers", axis=alt.Axis(format=".0%", tickCount=5), scale=alt.Scale(zero=False, nice=True)),
    )
    singles = at.transform_filter(_is(SINGLE))
    layers = [
        *(at.transform_filter(_is(what)).mark_line(strokeWidth=2.5).encode(color=colour, order="usd_1000:Q") for what in curves),
        singles.transform_filter("datum.front").mark_line(interpolate="step-after", strokeDash=[4, 3], color=QUIET).encode(order="usd_1000:Q"),
        singles.mark_rule(strokeWidth=2, opacity=0.4).encode(y=alt.Y("low:Q"), y2="high:Q", color=colour),
        singles.mark_point(filled=True, size=90, opacity=1).encode(color=colour, tooltip=_tips(points)),
        *_names(singles),
    ]  # fmt: skip
    if not turned.empty:
        layers += _knob(at)
    if RANDOM in points["what"].to_numpy():
        cross = at.transform_filter(_is(RANDOM)).mark_point(shape="diamond", filled=True, size=110, opacity=1)
        layers.append(
            cross.encode(color=colour, tooltip=[tip("what"), tip("quality", form=".1%"), tip("usd_1000", "for 1,000 prompts", "$.4~r")])
        )
    chart: Layers = Layers(data=data, layer=layers, title=title).properties(width=WIDTH, height=HEIGHT)
    return chart


def _knob(at: alt.Chart) -> list[alt.Chart]:
    """What the knob reaches, and where it stands."""
    tips = [
        tip("setting", "quality =", ".2f"),
        tip("quality", "good answers", ".1%"),
        tip("usd_1000", "for 1,000 prompts", "$.4~r"),
        tip("to"),
    ]
    line = at.transform_filter(_is(KNOB))
    return [
        line.mark_line(strokeWidth=1.5, color=KNOB_COLOUR).encode(order="setting:Q"),
        line.mark_point(size=18, filled=True, opacity=1, color=KNOB_COLOUR).encode(tooltip=tips),
        at.transform_filter(_is(HERE)).mark_point(size=260, strokeWidth=3, color=KNOB_COLOUR).encode(tooltip=tips),
    ]


def _is(what: str) -> str:
    return f"datum.what === {what!r}"


def _named(points: pd.DataFrame) -> pd.DataFrame:
    """The points with the places of the models' names: those that nobody beats first."""
    models = points[points["what"] == SINGLE].sort_values("front", ascending=False, kind="stable")
    names = placed(models, name="model", x="usd_1000", y=("quality", "low", "high"))[["label", "below"]]
    return points.join(names).fillna({"label": "", "below": False})


def _names(singles: alt.Chart) -> list[alt.Chart]:
    """The names: dark in a light rim, which is read on a light and on a dark ground."""
    found = []
    for side, shift in (("!datum.below", ABOVE), ("datum.below", BELOW)):
        for look in ({"color": RIM, "stroke": RIM, "strokeWidth": 3, "strokeJoin": "round"}, {"color": INK}):
            named = singles.transform_filter(f"datum.label && {side}")
            found.append(
                named.mark_text(align="left", baseline="middle", dx=8, dy=shift, fontSize=11, aria=False, **look).encode(text="label:N")
            )
    return found


def _tips(points: pd.DataFrame) -> list[alt.Tooltip]:
    count = "votes" if "votes" in points.columns else "prompts"
    between = [tip("low", "at least", ".1%"), tip("high", "at most", ".1%")]
    return [tip("model"), tip("quality", form=".1%"), *between, tip(count, form=",d"), tip("usd_1000", "for 1,000 prompts", "$.4~r")]


def _missing(frame: pd.DataFrame, points: pd.DataFrame) -> str:
    """How many models of the frame have no place in the chart."""
    count = frame["model"].nunique() - len(points)
    return f"left out: {count} {'model' if count == 1 else 'models'} without votes or without a known price" if count > 0 else ""
