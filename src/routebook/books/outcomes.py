"""The outcomes that Routebook learns from: who did how well at what. No text of a prompt or an answer is among them."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from routebook.lessons import Lesson

MOST_SEEN: Final = 10_000
"""Of the newest so many outcomes checks and refusals are kept. Votes and preferences, which are the user's own, all are."""
_PRUNE_EVERY: Final = 1_000
_NAMES: Final = ("time", "request_id", "task", "model", "source", "score", "versus", "signature")
_REVOTED: Final = "DELETE FROM outcomes WHERE request_id = ? AND model = ? AND source = ? AND versus IS ?"


class Extent(NamedTuple):
    """How far the outcomes reach: two are the same as long as nothing was added, replaced or forgotten."""

    rows: int
    last: int
    """The newest row's id; an id is never given twice."""


def add(connection: sqlite3.Connection, lessons: Sequence[Lesson], *, session: str) -> Extent:
    """Write outcomes, each in the place of an older one of the same source about the same answer; return how far all reach now."""
    for lesson in lessons:
        connection.execute(_REVOTED, (lesson.request_id, lesson.model, lesson.source, lesson.versus))
        row = connection.execute(
            f"INSERT INTO outcomes (session, {', '.join(_NAMES)}) VALUES (?, {', '.join('?' * len(_NAMES))})",  # noqa: S608  our own names
            (session, *map(_stored, (getattr(lesson, name) for name in _NAMES))),
        ).lastrowid
        if row and row % _PRUNE_EVERY == 0:
            connection.execute("DELETE FROM outcomes WHERE id <= ? AND source IN ('check', 'refusal')", (row - MOST_SEEN,))
    return extent(connection)


def extent(connection: sqlite3.Connection) -> Extent:
    """How far the outcomes reach."""
    return Extent(*connection.execute("SELECT count(*), coalesce(max(id), 0) FROM outcomes").fetchone())


def since(connection: sqlite3.Connection, known: Extent) -> tuple[Extent, list[Lesson], bool]:
    """Return how far the outcomes reach, those that `known` has not, and whether they are all there are (what was known is void then)."""
    now = extent(connection)
    if now == known:
        return now, [], False
    older = connection.execute("SELECT count(*) FROM outcomes WHERE id <= ?", (known.last,)).fetchone()[0]
    is_whole = older != known.rows
    query = f"SELECT {', '.join(_NAMES)} FROM outcomes WHERE id > ? ORDER BY id"  # noqa: S608  our own names
    return now, [_lesson(row) for row in connection.execute(query, (0 if is_whole else known.last,))], is_whole


def preferences(connection: sqlite3.Connection, *, task: str) -> list[Lesson]:
    """The votes between two models on prompts of a task, each from both sides."""
    query = f"SELECT {', '.join(_NAMES)} FROM outcomes WHERE source = 'preference' AND task = ? ORDER BY id"  # noqa: S608  our own names
    return [_lesson(row) for row in connection.execute(query, (task,))]


def tasks_with_preferences(connection: sqlite3.Connection) -> list[str]:
    """The tasks on which there are votes between two models, by name."""
    return [str(row[0]) for row in connection.execute("SELECT DISTINCT task FROM outcomes WHERE source = 'preference' ORDER BY task")]


def count_choices(connection: sqlite3.Connection, words: Sequence[str], *, most: int) -> list[int]:
    """Among the newest requests, `most` at most: how many have a first attempt whose reason holds each of the words."""
    sums = ", ".join("coalesce(sum(instr(reason, ?) > 0), 0)" for _ in words)
    query = f"SELECT {sums} FROM (SELECT reason FROM attempts WHERE attempt = 1 ORDER BY id DESC LIMIT ?)"  # noqa: S608  no value is in it
    return list(connection.execute(query, (*words, most)).fetchone())


def forget(connection: sqlite3.Connection, *, task: str | None = None, model: str | None = None) -> int:
    """Delete the outcomes of a task, of a model, of both together, or all; return how many there were."""
    named = [(name, value) for name, value in (("task", task), ("model", model)) if value is not None]
    where = " AND ".join(f"{name} = ?" for name, _ in named) or "1"
    return connection.execute(f"DELETE FROM outcomes WHERE {where}", [value for _, value in named]).rowcount  # noqa: S608  two names of ours


def _stored(value: Any) -> Any:  # noqa: ANN401  a column's value
    return round(value.timestamp() * 1e6) if isinstance(value, dt.datetime) else value


def _lesson(row: tuple[Any, ...]) -> Lesson:
    values = dict(zip(_NAMES, row, strict=True))
    values["time"] = dt.datetime.fromtimestamp(values["time"] / 1e6, dt.UTC)
    return Lesson(**values)
