"""Evaluations of the models: each run, and what every answer of it was worth, so that a run goes on where it was stopped."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class Result(NamedTuple):
    """What one answer was worth. Money in pico-dollars, `None` when unknown."""

    key: bytes
    """Of the prompt, its check, the model as it is set up, and who judges."""
    time: int
    """In microseconds since 1970."""
    model: str
    task: str
    score: float
    """0 to 1."""
    said: str
    """What was wrong with it; empty where nothing was."""
    request_id: str
    ttft_s: float | None
    latency_s: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_pusd: int | None
    """Of the answer; what a judge took for it is in the ledger only."""


_COLUMNS = ", ".join(Result._fields)


def begin(connection: sqlite3.Connection, suite: bytes, *, name: str, now: int, since: int) -> int:
    """Take up the newest unfinished run of a suite that began after `since`, or begin one; return its id."""
    query = "SELECT id FROM evaluations WHERE suite = ? AND is_whole = 0 AND began >= ? ORDER BY id DESC LIMIT 1"
    found = connection.execute(query, (suite, since)).fetchone()
    if found is not None:
        return int(found[0])
    row = connection.execute("INSERT INTO evaluations (suite, name, began) VALUES (?, ?, ?) RETURNING id", (suite, name, now)).fetchone()
    return int(row[0])


def end(connection: sqlite3.Connection, run: int, *, is_whole: bool, now: int) -> None:
    """A run came to its end; where something is left of it, the same call goes on with that."""
    connection.execute("UPDATE evaluations SET ended = ?, is_whole = ? WHERE id = ?", (now, is_whole, run))


def keep(connection: sqlite3.Connection, run: int, result: Result) -> None:
    """Write down what an answer was worth."""
    marks = ", ".join("?" * (len(Result._fields) + 1))
    connection.execute(f"INSERT OR REPLACE INTO evaluation_results (run, {_COLUMNS}) VALUES ({marks})", (run, *result))  # noqa: S608  our own names


def results(connection: sqlite3.Connection, run: int) -> dict[bytes, Result]:
    """What a run has so far, by key."""
    query = f"SELECT {_COLUMNS} FROM evaluation_results WHERE run = ?"  # noqa: S608  our own names
    return {row[0]: Result(*row) for row in connection.execute(query, (run,))}


class Standing(NamedTuple):
    """What a reminder needs."""

    ended: int | None
    """When an evaluation last came to its end, in microseconds since 1970."""
    models: frozenset[str]
    """Those that were ever evaluated."""


def standing(connection: sqlite3.Connection) -> Standing:
    """When the models were last evaluated, and which of them ever."""
    ended = connection.execute("SELECT max(ended) FROM evaluations").fetchone()[0]
    models = connection.execute("SELECT DISTINCT model FROM evaluation_results")
    return Standing(ended, frozenset(name for (name,) in models))
