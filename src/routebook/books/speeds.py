"""How fast models wrote, by the rows of the books."""

from __future__ import annotations

import sqlite3
from statistics import median
from typing import Final

MOST: Final = 5_000
"""Rows that are read at most: the newest."""
_LEAST_TOKENS: Final = 8
"""A shorter answer says little of a speed."""


def tokens_per_s(connection: sqlite3.Connection, *, most: int = MOST) -> dict[str, float]:
    """The median of tokens a second after the first one, by model; of models of which nothing was timed there is no entry."""
    last = connection.execute("SELECT coalesce(max(id), 0) FROM attempts").fetchone()[0]
    query = (
        "SELECT model, output_tokens / (latency_s - coalesce(ttft_s, 0)) FROM attempts "
        "WHERE id > ? AND status = 'ok' AND output_tokens >= ? AND latency_s - coalesce(ttft_s, 0) > 0.001"
    )
    held: dict[str, list[float]] = {}
    for model, speed in connection.execute(query, (last - most, _LEAST_TOKENS)):
        held.setdefault(model, []).append(speed)
    return {model: median(speeds) for model, speeds in held.items()}
