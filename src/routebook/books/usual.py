"""What answers to a task usually took, and what was thought of them, by model."""

from __future__ import annotations

import sqlite3
from statistics import fmean, median
from typing import Final, NamedTuple

from routebook.messages import ASIDE

MOST: Final = 20_000
"""Rows that are read at most: the newest."""


class Usual(NamedTuple):
    """One model at one task."""

    answers: int
    latency_s: float | None
    """Their median; `None` where none was timed."""
    votes: int
    feedback: float | None
    """The mean of what was said of them, 0 to 1; `None` where nothing was."""


def usual(connection: sqlite3.Connection, *, task: str, most: int = MOST) -> dict[str, Usual]:
    """Return what the newest answers to a task took, by model; hedges that lost, checks of health and the like do not count."""
    last = connection.execute("SELECT coalesce(max(id), 0) FROM attempts").fetchone()[0]
    query = (
        "SELECT model, latency_s, feedback FROM attempts WHERE id > ? AND task = ? AND status = 'ok' "  # noqa: S608  our own words
        f"AND kind NOT IN {ASIDE}"
    )
    held: dict[str, list[tuple[float | None, float | None]]] = {}
    for model, latency_s, feedback in connection.execute(query, (last - most, task)):
        held.setdefault(model, []).append((latency_s, feedback))
    return {model: _usual(rows) for model, rows in held.items()}


def _usual(rows: list[tuple[float | None, float | None]]) -> Usual:
    times = [latency_s for latency_s, _ in rows if latency_s is not None]
    votes = [feedback for _, feedback in rows if feedback is not None]
    return Usual(len(rows), median(times) if times else None, len(votes), fmean(votes) if votes else None)
