"""`%route board`: the live board."""

from __future__ import annotations

import argparse
import datetime as dt
import re
import shlex
from typing import Final, NoReturn

from routebook.errors import UsageError
from routebook.notebook.panels.board import Board
from routebook.notebook.session import Session

_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(min|h|d|w)")
_UNITS: Final = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


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
    opened = Board(session.router, since=_span(given.since), notebook=given.notebook, task=given.task, model=given.model, agent=given.agent)
    if not session.has_page:
        session.show(opened.page())
        return
    opened.show()


def _words(rest: str) -> list[str]:
    try:
        return shlex.split(rest)
    except ValueError as error:
        raise UsageError(f"%route board has a quote that is not closed: {rest!r}.") from error


def _span(text: str | None) -> dt.timedelta | None:
    if text is None:
        return None
    match = _SPAN.fullmatch(text)
    if match is None:
        raise UsageError(f"--since takes a time such as 30min, 2h, 7d or 4w, and {text!r} is none.")
    return dt.timedelta(**{_UNITS[match[2]]: float(match[1])})


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%route board: {message}. It takes --since 2h, --notebook, --task, --model, --agent, or stop.")


def _parser() -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    for name in ("since", "notebook", "task", "model", "agent"):
        parser.add_argument(f"--{name}")
    return parser
