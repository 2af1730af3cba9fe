"""`%route wrong` and `%route accuracy`: prompts that went the wrong way, and how often they went the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routebook.books.misroutes import confusions
from routebook.notebook import figures
from routebook.notebook.commands.why import request_of
from routebook.notebook.line import LineParser
from routebook.notebook.report import Heading, Part, report
from routebook.notebook.session import Session
from routebook.notebook.subcommands import refuse_rest
from routebook.notebook.table import Table

if TYPE_CHECKING:  # pandas loads only when a frame is drawn
    import pandas as pd

_FEW = 10


def wrong(session: Session, rest: str) -> None:
    """Mark a request as routed wrongly: the last one, or that of an id; `--task` says what it should have been taken for."""
    given = _parser().read(rest)
    request_id = request_of(session, given.id)
    attempt = session.router.wrong(request_id, task=given.task, is_wrong=not given.undo)
    if given.undo:
        session.show(report(f"Not marked as wrong any more: request {request_id}."))
        return
    should = f" It should have been {given.task}." if given.task else ""
    session.show(report(f"Marked as routed wrongly: request {request_id}, taken for {attempt.task}, route {attempt.route}.{should}"))


def _parser() -> LineParser:
    parser = LineParser("%route wrong", more="%route wrong takes the ID of a request, --task NAME, and --undo.")
    parser.take("id", nargs="?", default="")
    parser.take("--task")
    parser.take("--undo", action="store_true")
    return parser


def accuracy(session: Session, rest: str) -> None:
    """Show how often prompts went the right way, by day, and what was taken for what."""
    refuse_rest("accuracy", rest)
    frame = session.router.routing()
    if frame.empty:
        session.show(report("The books have no request that was routed. Run a %%route cell first."))
        return
    taken = session.router.runtime().books.read(confusions)
    requests, marked = int(frame["requests"].sum()), int(frame["wrong"].sum())
    head = f"{1 - marked / requests:.1%} of {figures.plural(requests, 'prompt')} went the right way; {figures.count(marked)} marked with %route wrong"
    parts: list[Part] = [Heading(head), _days(frame)]
    if taken:
        rows = [(task, should or "not said", figures.count(times)) for task, should, times in taken[:_FEW]]
        parts += [Heading("taken for, and should have been"), Table(("taken for", "should have been", ">times"), rows)]
    session.show(report(*parts))
    if session.has_page:
        from routebook.tables import charts

        session.show(charts.routing(frame)._repr_mimebundle_())


def _days(frame: pd.DataFrame) -> Table:
    rows = [
        (
            f"{row.day:%d %b %Y}",
            figures.count(row.requests),
            figures.count(row.wrong),
            f"{row.accuracy:.1%}",
            f"{row.low:.0%} to {row.high:.0%}",
        )
        for row in frame.tail(_FEW).itertuples()
    ]
    return Table(("day", ">prompts", ">wrong", ">right", ">19 times of 20"), rows)
