"""`%route shares`: which model answered what share of the prompts and how fast, beside what `[expected]` says."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from routebook.config.expected import Expected
from routebook.notebook import figures
from routebook.notebook.report import Heading, Part, report
from routebook.notebook.session import Session
from routebook.notebook.subcommands import refuse_rest
from routebook.notebook.table import Table
from routebook.span import span

if TYPE_CHECKING:  # pandas loads only when a frame is drawn
    import pandas as pd

MODELS = ("model", ">prompts", ">share", ">expected", ">average", ">95 of 100 within")
FIGURES = ("", ">so far", ">expected")


def shares(session: Session, rest: str) -> None:
    """Show the shares of all prompts in the books, or of those since a time.

    Raises:
        UsageError: what follows is no time.
    """
    option, _, text = rest.partition(" ")
    frame = session.router.frame()
    if option == "--since":
        frame = frame[frame["time"] >= dt.datetime.now(dt.UTC) - span(text.strip())]
    else:
        refuse_rest("shares", rest)
    if frame.empty:
        session.show(report("The books have no prompt of this time. Run a %%route cell first."))
        return
    session.show(report(*shares_parts(frame, session.router.config.expected)))


def shares_parts(frame: pd.DataFrame, expected: Expected) -> list[Part]:
    """How many prompts, the models, and the figures that hold for all of them."""
    from routebook.tables.shares import ALL
    from routebook.tables.shares import shares as reckoned

    found = reckoned(frame)
    whole, models = found.loc[ALL], found.drop(ALL)
    absent = [name for name in expected.shares if name not in models.index]
    rows = [_model(str(name), row, expected) for name, row in models.iterrows()]
    rows += [(name, "0", figures.share(0.0), figures.share(expected.shares[name]), "", "") for name in absent]
    lines = [
        ("average time to the whole answer", figures.seconds(whole["average_s"]), _under(figures.seconds(expected.average_s))),
        ("95 of 100 within", figures.seconds(whole["p95_s"]), _under(figures.seconds(expected.p95_s))),
        ("fell back to another model", figures.share(whole["fallbacks"]), _under(figures.share(expected.fallbacks))),
        ("got no answer", figures.share(1 - whole["share"]), ""),
    ]
    return [Heading(figures.plural(int(whole["prompts"]), "prompt")), Table(MODELS, rows), Heading("all together"), Table(FIGURES, lines)]


def _model(name: str, row: pd.Series, expected: Expected) -> tuple[str, ...]:
    hoped = figures.share(expected.shares.get(name))
    return (
        name,
        figures.count(row["prompts"]),
        figures.share(row["share"]),
        hoped,
        figures.seconds(row["average_s"]),
        figures.seconds(row["p95_s"]),
    )


def _under(figure: str) -> str:
    return f"under {figure}" if figure else ""
