"""Answers of a frame that is not finished, so that the same call goes on where it was stopped, in this process or the next."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class Kept(NamedTuple):
    """One answer."""

    key: bytes
    """Of the prompt."""
    text: str
    model: str
    request_id: str
    cost_pusd: int | None


def keep(connection: sqlite3.Connection, job: bytes, kept: Kept, *, time: int) -> None:
    """Write an answer down; time in microseconds since 1970."""
    connection.execute("INSERT OR REPLACE INTO bulk_answers VALUES (?, ?, ?, ?, ?, ?, ?)", (job, *kept, time))


def kept_of(connection: sqlite3.Connection, job: bytes) -> dict[bytes, Kept]:
    """The answers of a job, by the prompt's key."""
    query = "SELECT key, text, model, request_id, cost_pusd FROM bulk_answers WHERE job = ?"
    return {row[0]: Kept(*row) for row in connection.execute(query, (job,))}


def drop(connection: sqlite3.Connection, job: bytes) -> None:
    """Forget a job that is done."""
    connection.execute("DELETE FROM bulk_answers WHERE job = ?", (job,))
