"""The saved fit: one row of bytes, the newest in place of the one before. It never leaves the machine."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime


def keep(connection: sqlite3.Connection, held: bytes, *, rows: int, time: datetime) -> None:
    """Keep a fit that learned from so many rows, in place of any other."""
    connection.execute("INSERT OR REPLACE INTO fits VALUES (1, ?, ?, ?)", (round(time.timestamp() * 1e6), rows, held))


def kept(connection: sqlite3.Connection) -> tuple[bytes, int, datetime] | None:
    """The fit, the number of rows it learned from, and when; `None` when there is none."""
    row = connection.execute("SELECT fit, rows, time FROM fits").fetchone()
    return None if row is None else (row[0], row[1], datetime.fromtimestamp(row[2] / 1e6, UTC))


def stamp(connection: sqlite3.Connection) -> int | None:
    """When the fit was kept, in microseconds since 1970: another one has another stamp; `None` when there is none."""
    row = connection.execute("SELECT time FROM fits").fetchone()
    return None if row is None else int(row[0])


def drop(connection: sqlite3.Connection) -> bool:
    """Delete the fit; return whether there was one."""
    return connection.execute("DELETE FROM fits").rowcount > 0
