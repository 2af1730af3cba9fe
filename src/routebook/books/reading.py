"""All attempts column by column, from a row on: a million of them are read once, and later only what is new."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

from routebook.books.ledger import COLUMNS, STORED_NAMES

FEEDBACK: Final = "feedback"
"""It may come long after the end of an attempt, so it is read apart, of all rows: there is an index of those that have it."""
READ: Final = tuple(name for name in COLUMNS if name != FEEDBACK)
"""The columns of a part, in its order."""
PART: Final = 2048
"""Rows at a time: a million rows of Python's objects would fill a laptop's memory."""

_STORED: Final = dict(zip(COLUMNS, STORED_NAMES, strict=True))
_QUERY: Final = f"SELECT id, {', '.join(_STORED[name] for name in READ)} FROM attempts WHERE id > ? ORDER BY id"  # noqa: S608  our own names


def is_there(connection: sqlite3.Connection, *, row: int, time: int) -> bool:
    """Whether these are the books in which a row was of that time; row 0 is in all of them."""
    found = connection.execute("SELECT time FROM attempts WHERE id = ?", (row,)).fetchone()
    return row == 0 or (found is not None and found[0] == time)


def parts(connection: sqlite3.Connection, *, after: int) -> Iterator[tuple[Sequence[int], tuple[Sequence[Any], ...]]]:
    """Yield the rows behind one as `(ids, columns)`, as stored: `time` in microseconds, money in pico-dollars."""
    cursor = connection.execute(_QUERY, (after,))
    while rows := cursor.fetchmany(PART):
        ids, *columns = zip(*rows, strict=True)
        yield ids, tuple(columns)


def first_running(connection: sqlite3.Connection) -> int | None:
    """The first attempt that has not ended; those before it stay as they are, but for their feedback."""
    query = "SELECT min(id) FROM attempts INDEXED BY attempts_running WHERE status = 'running'"  # else min() walks through all rows
    found: int | None = connection.execute(query).fetchone()[0]
    return found


def feedback(connection: sqlite3.Connection) -> list[tuple[int, float]]:
    """Row and value of all that have one, in the order of the rows."""
    query = "SELECT id, feedback FROM attempts INDEXED BY attempts_feedback WHERE feedback IS NOT NULL ORDER BY id"
    return connection.execute(query).fetchall()
