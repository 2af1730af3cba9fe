"""Who asks what right now, over all kernels: so that an equal request of another kernel waits for the answer instead of asking too."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3

from routebook.books.lost import is_alive


def begin(connection: sqlite3.Connection, key: bytes, *, session: str, until: dt.datetime, now: dt.datetime) -> bool:
    """Note that a session asks something, until a time at most; False when another one asks it already, and its process lives."""
    found = connection.execute("SELECT session, pid, until FROM cache_asking WHERE key = ?", (key,)).fetchone()
    if found is not None and found[0] != session and found[2] > now.timestamp() and is_alive(found[1]):
        return False
    connection.execute("INSERT OR REPLACE INTO cache_asking VALUES (?, ?, ?, ?)", (key, session, os.getpid(), until.timestamp()))
    return True


def end(connection: sqlite3.Connection, key: bytes, *, session: str) -> None:
    """Note that a session asks no more."""
    connection.execute("DELETE FROM cache_asking WHERE key = ? AND session = ?", (key, session))
