"""What has troubled each model of late, as the books have it: time that ran out, limits, refusals, slow first words."""

from __future__ import annotations

import sqlite3
import statistics
from typing import Final, NamedTuple

MOST: Final = 2_000
"""Attempts that are looked at, the newest."""
_ASIDE: Final = ("cache", "health", "warmup")
"""Kinds that say nothing of how a model does at work."""
_QUERY: Final = """
SELECT model, route, status, ttft_s FROM attempts
WHERE id > (SELECT coalesce(max(id), 0) FROM attempts) - ? AND time >= ? AND kind NOT IN (?, ?, ?) AND status != 'running'
"""


class Troubles(NamedTuple):
    """One model's, at one route."""

    model: str
    route: str
    attempts: int
    timeouts: int
    rate_limited: int
    refused: int
    start_s: float | None
    """The middle of the times to its first word; `None` when it said none."""


def troubles(connection: sqlite3.Connection, *, since: int) -> list[Troubles]:
    """What each model met with at each route since a time in microseconds, among the newest attempts."""
    found: dict[tuple[str, str], list[tuple[str, float | None]]] = {}
    for model, route, status, ttft_s in connection.execute(_QUERY, (MOST, since, *_ASIDE)):
        found.setdefault((model, route), []).append((status, ttft_s))
    return [_summed(model, route, rows) for (model, route), rows in found.items()]


def _summed(model: str, route: str, rows: list[tuple[str, float | None]]) -> Troubles:
    statuses = [status for status, _ in rows]
    starts = [ttft_s for _, ttft_s in rows if ttft_s is not None]
    return Troubles(
        model=model, route=route, attempts=len(rows), timeouts=statuses.count("timeout"), rate_limited=statuses.count("rate_limited"),
        refused=statuses.count("refused"), start_s=statistics.median(starts) if starts else None,
    )  # fmt: skip
