"""`%route board`: the live board."""

from __future__ import annotations

import argparse
import shlex
from typing import NoReturn

from routebook.errors import UsageError
from routebook.notebook.panels.board import Board
from routebook.notebook.session import Session
from routebook.notebook.span import span


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
    given = _parser().parse_args(_words(rest))
    since = None if given.since is None else span(given.since)
    opened = Board(session.router, since=since, notebook=given.notebook, task=given.task, model=given.model, agent=given.agent)
    if not session.has_page:
        session.show(opened.page())
        return
    opened.show()


def _words(rest: str) -> list[str]:
    try:
        return shlex.split(rest)
    except ValueError as error:
        raise UsageError(f"%route board has a quote that is not closed: {rest!r}.") from error


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%route board: {message}. It takes --since 2h, --notebook, --task, --model, --agent, or stop.")


def _parser() -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    for name in ("since", "notebook", "task", "model", "agent"):
        parser.add_argument(f"--{name}")
    return parser
