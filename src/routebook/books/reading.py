"""All attempts column by column, from a row on: a million of them are read once, and later only what is new."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

from routebook.books.ledger import COLUMNS, STORED_NAMES

FEEDBACK: Final = "feedback"
"""It may come long after the end of an attempt, so it is read apart, of all rows: there is an index of those that have it."""
TOGETHER: Final = (
    ("notebook", "cell_id"),
    ("task", "route", "agent", "priority"),
    ("model", "provider", "tier", "pool"),
    ("attempt", "kind", "status", "error_type", "tokens_estimated", "finish_reason"),
)
"""Columns of few values, in groups of which few combinations occur: a group comes as one text, because each value that sqlite hands to
Python costs as much as reading four more columns does."""
ALONE: Final = tuple(name for name in COLUMNS if name != FEEDBACK and not any(name in group for group in TOGETHER))
"""The columns that come as they are."""
PART: Final = 512
"""Rows at a time: they stay in the processor's cache while they are taken apart."""

_STORED: Final = dict(zip(COLUMNS, STORED_NAMES, strict=True))
_WRITTEN: Final = {"attempt": "%d", "tokens_estimated": "%d"}
_GROUPS: Final = tuple(
    f"printf('{','.join(_WRITTEN.get(name, '%Q') for name in group)}', {', '.join(_STORED[name] for name in group)})" for group in TOGETHER
)
_QUERY: Final = f"SELECT id, {', '.join((*_GROUPS, *(_STORED[name] for name in ALONE)))} FROM attempts WHERE id > ? ORDER BY id"  # noqa: S608  our own names


def is_there(connection: sqlite3.Connection, *, row: int, time: int) -> bool:
    """Whether these are the books in which a row was of that time; row 0 is in all of them."""
    found = connection.execute("SELECT time FROM attempts WHERE id = ?", (row,)).fetchone()
    return row == 0 or (found is not None and found[0] == time)


def parts(connection: sqlite3.Connection, *, after: int) -> Iterator[tuple[Sequence[Any], ...]]:
    """Yield the rows behind one, column by column: their ids, `TOGETHER`, `ALONE`.

    A group is a text of SQL's literals, with commas; what is alone is as stored: `time` in microseconds, money in pico-dollars.
    """
    cursor = connection.execute(_QUERY, (after,))
    while rows := cursor.fetchmany(PART):
        yield tuple(zip(*rows, strict=True))


def first_running(connection: sqlite3.Connection) -> int | None:
    """The first attempt that has not ended; those before it stay as they are, but for their feedback."""
    query = "SELECT min(id) FROM attempts INDEXED BY attempts_running WHERE status = 'running'"  # else min() walks through all rows
    found: int | None = connection.execute(query).fetchone()[0]
    return found


def feedback(connection: sqlite3.Connection) -> list[tuple[int, float]]:
    """Row and value of all that have one, in the order of the rows."""
    query = "SELECT id, feedback FROM attempts INDEXED BY attempts_feedback WHERE feedback IS NOT NULL ORDER BY id"
    return connection.execute(query).fetchall()
