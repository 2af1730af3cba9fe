"""`%route board`: the live board."""

from __future__ import annotations

from routebook.notebook.line import LineParser
from routebook.notebook.panels.board import Board
from routebook.notebook.session import Session
from routebook.span import span


def board(session: Session, rest: str) -> None:
    """Open the board in this cell; the one before is left as it is. `stop` leaves this one too.

    Raises:
        UsageError: an option is not right.
    """
    if session.board is not None:
        session.board.stop()
        session.board = None
    if rest == "stop":
        return
    given = _parser().read(rest)
    since = None if given.since is None else span(given.since)
    opened = Board(session.router, since=since, notebook=given.notebook, task=given.task, model=given.model, agent=given.agent)
    if not session.has_page:
        session.show(opened.page())
        return
    opened.show()


def _parser() -> LineParser:
    parser = LineParser("%route board", more="%route board takes --since 2h, --notebook, --task, --model, --agent, or stop.")
    for name in ("since", "notebook", "task", "model", "agent"):
        parser.take(f"--{name}")
    return parser
