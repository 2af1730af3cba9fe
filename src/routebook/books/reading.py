"""What the frame needs of the ledger beside the rows themselves, which come from `packed`."""

from __future__ import annotations

import sqlite3


def is_there(connection: sqlite3.Connection, *, row: int, time: int) -> bool:
    """Whether these are the books in which a row was of that time; row 0 is in all of them."""
    found = connection.execute("SELECT time FROM attempts WHERE id = ?", (row,)).fetchone()
    return row == 0 or (found is not None and found[0] == time)


def last(connection: sqlite3.Connection) -> int:
    """The newest row; 0 when there is none."""
    found: int = connection.execute("SELECT coalesce(max(id), 0) FROM attempts").fetchone()[0]
    return found


def feedback(connection: sqlite3.Connection) -> list[tuple[int, float]]:
    """Row and value of all that have one, in the order of the rows."""
    query = "SELECT id, feedback FROM attempts INDEXED BY attempts_feedback WHERE feedback IS NOT NULL ORDER BY id"
    return connection.execute(query).fetchall()
