"""A chart as an output that draws without a network, and what is seen where nothing draws.

JupyterLab draws Vega-Lite 5 by itself and adds a picture of it to the saved notebook; Altair's own HTML would fetch its code from a CDN.
Where no front end ran (papermill, nbconvert) there is a picture if vl-convert is installed, and else the same figures as text. There is no
HTML twin, because a front end that gets HTML and a chart shows the HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from routebook.notebook import figures
from routebook.notebook.table import Table

if TYPE_CHECKING:  # pandas and altair load only when a chart is drawn
    import altair as alt
    import pandas as pd

FEW: Final = 10
"""Rows of a table that stands for a chart."""
WAITS: Final = {"ttft_s": "first token", "latency_s": "whole answer", "p95_s": "19 of 20 within"}


def chart_pages(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the three charts of `%route cost`, each a bundle of the chart and its twins."""
    from routebook.tables import charts
    from routebook.tables.vega import MIME, picture, specification

    drawn: tuple[alt.Chart | alt.LayerChart, ...] = (charts.spend(frame), charts.latency(frame), charts.where(frame))
    for chart, (title, table) in zip(drawn, chart_tables(frame), strict=True):
        spec = specification(chart)
        png = picture(spec)
        yield {MIME: spec, "text/plain": f"{title}\n{table.text}", **({"image/png": png} if png else {})}


def chart_tables(frame: pd.DataFrame) -> Iterator[tuple[str, Table]]:
    """Yield what each chart says as a title and a few figures; all that a terminal needs, and without loading Altair."""
    from routebook.tables import points

    yield "Spent, by tier", _spent(points.spending(frame, moments=FEW))
    yield "Time to answer, by model", _table(points.waits(frame), seconds=WAITS)
    yield "Where the prompts went", _table(points.destinations(frame).head(FEW), seconds={})


def _spent(spending: pd.DataFrame) -> Table:
    """A row for each moment, a column for each tier."""
    wide = spending.pivot_table(index="time", columns="tier", values="spent_usd", observed=True, sort=False)
    moments = [f"{moment.to_pydatetime().astimezone():%d %b %H:%M}" for moment in wide.index]
    rows = [(moment, *map(figures.money, spent)) for moment, spent in zip(moments, wide.to_numpy(), strict=True)]
    return Table(("time", *(f">{tier}" for tier in wide.columns)), rows)


def _table(points: pd.DataFrame, *, seconds: dict[str, str]) -> Table:
    """A frame of points; the columns of `seconds` are times, each with its title."""
    is_text = {column: str(dtype) == "str" for column, dtype in points.dtypes.items()}
    shown: dict[str, Callable[[Any], str]] = {
        column: str if text else figures.seconds if column in seconds else figures.count for column, text in is_text.items()
    }
    rows = [
        tuple(shown[column](value) for column, value in zip(points.columns, row, strict=True)) for row in points.itertuples(index=False)
    ]
    return Table([("" if text else ">") + seconds.get(column, column) for column, text in is_text.items()], rows)
