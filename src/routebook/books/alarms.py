"""Which alerts were said, and when, so that five kernels do not say the same five times."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence


def claim(connection: sqlite3.Connection, keys: Sequence[str], *, now: int, again: int) -> list[str]:
    """Return those that nobody has said for `again`, and write down that they are said now. Times in microseconds since 1970."""
    said = dict(connection.execute("SELECT key, time FROM alerts_said").fetchall())
    new = [key for key in keys if key not in said or not 0 <= now - said[key] < again]
    connection.executemany("INSERT OR REPLACE INTO alerts_said (key, time) VALUES (?, ?)", [(key, now) for key in new])
    return new
