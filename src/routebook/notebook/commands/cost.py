"""`%route cost`: what was spent and where it went, how much of it failed, in tables by tier, model and agent, and three charts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from routebook.engine.survey import pools as survey_pools
from routebook.notebook import figures
from routebook.notebook.commands.status import pool_parts
from routebook.notebook.report import Heading, Part, report
from routebook.notebook.session import Session
from routebook.notebook.subcommands import refuse_rest
from routebook.notebook.table import Table

if TYPE_CHECKING:  # pandas and altair load only when a frame is drawn
    import pandas as pd

TITLES = (">requests", ">an hour", ">attempts", ">failed", ">failovers", ">tokens", ">cost", ">saved", ">first token", ">total")


def cost(session: Session, rest: str) -> None:
    """Show the totals, then the charts."""
    refuse_rest("cost", rest)
    frame = session.router.frame()
    if frame.empty:
        session.show(report("The books are empty. Run a %%route cell first."))
        return
    from routebook.notebook.panels.chart_page import chart_pages, chart_tables

    session.show(report(*cost_parts(frame), *pool_parts(survey_pools(session.router.runtime()))))
    if not session.has_page:
        session.show(report("", *(part for title, table in chart_tables(frame) for part in (Heading(title), table))))
        return
    for page in chart_pages(frame):
        session.show(page)


def cost_parts(frame: pd.DataFrame) -> list[Part]:
    """The sum in a sentence, then the totals by tier, by model, and by agent where any asked."""
    from routebook.tables.totals import totals

    groups = ["tier", "model", *(["agent"] if frame["agent"].notna().any() else [])]
    found = {by: totals(frame, by) for by in groups}
    tables = [part for by, rows in found.items() for part in (Heading(f"by {by}"), _table(by, rows))]
    return [_sentence(found["tier"].loc["all"]), *tables]


def _sentence(total: pd.Series) -> str:
    attempts, unpriced = int(total["attempts"]) - int(total["replayed"]), int(total["unpriced"])
    left = f", without {figures.plural(unpriced, 'attempt')} whose price is unknown" if unpriced else ""
    saved = total["saved_usd"]
    less = f" The dearest model of each plan would have cost {figures.money(saved)} more." if not math.isnan(saved) and saved > 0 else ""
    return f"{figures.money(total['cost_usd'])} for {figures.plural(attempts, 'attempt')}{left}.{less}{_replayed(total)}"


def _replayed(total: pd.Series) -> str:
    """What the cache saved."""
    replayed, saved = int(total["replayed"]), total["replayed_usd"]
    if not replayed:
        return ""
    return f" The cache answered {figures.plural(replayed, 'request')}; what that saved: {figures.money(saved)}."


def _table(by: str, totals: pd.DataFrame) -> Table:
    rows = [_row(name, row) for name, row in totals.iterrows()]
    return Table((by, *TITLES), rows, strong=(len(rows) - 1,))


def _row(name: Any, row: pd.Series) -> tuple[str, ...]:  # noqa: ANN401  a frame's index
    failed = figures.count(row["failed"]) + (f" ({figures.share(row['error_rate'])})" if row["failed"] else "")
    rate = (figures.rate(row["requests_h"]), figures.count(row["attempts"]), failed)
    counts = (figures.count(row["requests"]), *rate, figures.count(row["failovers"]), figures.count(row["tokens"]))
    money = (figures.spent(row["cost_usd"], int(row["unpriced"])), figures.money(row["saved_usd"]))
    return (str(name), *counts, *money, figures.seconds(row["ttft_s"]), figures.seconds(row["latency_s"]))
