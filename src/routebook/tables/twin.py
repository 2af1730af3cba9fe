"""What a chart says, as text: its title, its notes and its points as a table, for a terminal, a screen reader and a page that cannot draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pandas as pd

from routebook.tables.amounts import usd

MOST_ROWS: Final = 20
MOST_MOMENTS: Final = 10
FEW: Final = 5
"""Points of a curve."""
DRAWN_ONLY: Final = ("rank", "ink", "label", "below", "front", "points")
"""Columns that say where or how a point is drawn."""
COUNTS: Final = ("answers", "prompts", "votes", "n")
WORDS: Final = {"ttft_s": "first token", "latency_s": "whole answer", "p95_s": "19 of 20 within", "usd_1000": "for 1,000 prompts"}


def twin(chart: Any) -> str:  # noqa: ANN401  Altair's charts have no common type
    """Return the title, the notes and the points, each on lines of their own."""
    return "\n".join(part for part in (*said(chart.to_dict(validate=False).get("title")), table(_points(chart))) if part)


def said(title: Any) -> list[str]:  # noqa: ANN401  as in a specification
    """The lines of a specification's title."""
    if not isinstance(title, dict):
        return [title] if isinstance(title, str) else []
    lines = [title.get("text"), title.get("subtitle")]
    return [str(line) for part in lines if part for line in (part if isinstance(part, list) else [part])]


def table(points: pd.DataFrame) -> str:
    """The points as aligned text; of many moments some, of many other points the first."""
    columns = set(points.columns)
    shown = _by_moment(points) if {"time", "tier"} <= columns else _by_task(points) if {"task", "label"} <= columns else points
    if "what" in columns and len(set(points["what"])) == 1:
        shown = shown.drop(columns="what")
    elif "what" in columns:
        shown = shown[["what", *shown.columns.drop("what")]]
    shown = shown.drop(columns=[name for name in DRAWN_ONLY if name in shown.columns])
    if shown.empty or not len(shown.columns):
        return ""
    few = _few(shown)
    texts = pd.DataFrame({_head(name): [_form(name, few[name])(value) for value in few[name]] for name in few.columns})
    is_thinned = "time" in shown.columns or "what" in shown.columns
    note = "" if is_thinned or len(few) == len(shown) else f"\n… and {len(shown) - len(few):,} more"
    return str(texts.to_string(index=False)) + note


def _points(chart: Any) -> pd.DataFrame:  # noqa: ANN401
    """The data of the chart, or of its first layer that has some."""
    for one in (chart, *(getattr(chart, "layer", None) or ())):
        if isinstance(getattr(one, "data", None), pd.DataFrame):
            return one.data
    return pd.DataFrame()


def _by_moment(points: pd.DataFrame) -> pd.DataFrame:
    """A row for each moment, a column for each tier."""
    wide = points.pivot_table(index="time", columns="tier", values="spent_usd", observed=True, sort=False)
    return wide.rename(columns="{}_usd".format).rename_axis(columns=None).reset_index()


def _by_task(cells: pd.DataFrame) -> pd.DataFrame:
    """A row for each task, a column for each model."""
    wide = cells.pivot_table(index="task", columns="model", values="label", aggfunc="first")
    return wide.reindex(index=cells["task"].unique(), columns=cells["model"].unique()).fillna("").rename_axis(columns=None).reset_index()


def _few(points: pd.DataFrame) -> pd.DataFrame:
    """Of moments and of curves some points, of anything else the first."""
    if "time" in points.columns:
        return _evenly(points, MOST_MOMENTS)
    if "what" in points.columns:
        return pd.concat(
            [_evenly(part, MOST_ROWS if place == 0 else FEW) for place, (_, part) in enumerate(points.groupby("what", sort=False))]
        )
    return points.head(MOST_ROWS)


def _evenly(points: pd.DataFrame, most: int) -> pd.DataFrame:
    """Some rows, the first and the last among them."""
    count = min(len(points), most)
    return points.iloc[[round(place * (len(points) - 1) / max(1, count - 1)) for place in range(count)]]


def _head(name: str) -> str:
    return WORDS.get(name, name.removesuffix("_usd").removesuffix("_s").replace("_", " "))


def _form(name: str, column: pd.Series) -> Callable[[Any], str]:
    """How the values of a column are written."""
    if name == "time":
        return lambda moment: f"{moment.to_pydatetime().astimezone():%d %b %H:%M}"
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return lambda value: "" if pd.isna(value) else str(value)
    if "usd" in name:
        return lambda value: "" if pd.isna(value) else usd(value)
    form = "{:,.0f}" if name in COUNTS else "{:.2f} s" if name.endswith("_s") else "{:.2f}"
    return lambda value: "" if pd.isna(value) else form.format(value)
