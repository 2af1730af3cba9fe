"""What the user wrote about an answer: one note for each attempt that has one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple


class Note(NamedTuple):
    """A note with the answer it is about."""

    time: int
    """When it was written, in microseconds since 1970."""
    request_id: str
    attempt: int
    task: str
    model: str
    feedback: float | None
    note: str


def keep(connection: sqlite3.Connection, request_id: str, attempt: int, note: str, *, now: int) -> None:
    """Write a note in the place of an older one about the same answer; an empty one only takes the older one away."""
    connection.execute("DELETE FROM notes WHERE request_id = ? AND attempt = ?", (request_id, attempt))
    if note:
        connection.execute("INSERT INTO notes (request_id, attempt, time, note) VALUES (?, ?, ?, ?)", (request_id, attempt, now, note))


def notes(connection: sqlite3.Connection) -> list[Note]:
    """All notes, the oldest first."""
    query = (
        "SELECT notes.time, request_id, attempt, task, model, feedback, note FROM notes JOIN attempts USING (request_id, attempt) "
        "ORDER BY notes.time, request_id, attempt"
    )
    return [Note(*row) for row in connection.execute(query)]


def said_of(connection: sqlite3.Connection, request_ids: Sequence[str]) -> dict[str, tuple[float | None, str]]:
    """What was said of the answers to some requests, by request: the last vote or rating, and the note; `""` without one."""
    marks = ", ".join("?" * len(request_ids))
    query = (
        "SELECT request_id, feedback, coalesce(note, '') FROM attempts LEFT JOIN notes USING (request_id, attempt) "  # noqa: S608  question marks
        f"WHERE request_id IN ({marks}) AND (feedback IS NOT NULL OR note IS NOT NULL) ORDER BY id"
    )
    return {request_id: (feedback, note) for request_id, feedback, note in connection.execute(query, list(request_ids))}
