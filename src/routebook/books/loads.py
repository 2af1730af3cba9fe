"""How long models took to load on this machine, by what their server said: what the next load is expected to take."""

from __future__ import annotations

import sqlite3
from statistics import median
from typing import Final

KEPT: Final = 8
"""The newest of each model: a new disk, or a new version of the server, is soon known."""


def note(connection: sqlite3.Connection, place: str, model: str, load_s: float, *, now: int) -> None:
    """Keep one load; older ones than the newest few go."""
    connection.execute("INSERT INTO loads (place, model, time, load_s) VALUES (?, ?, ?, ?)", (place, model, now, load_s))
    connection.execute(
        "DELETE FROM loads WHERE place = ? AND model = ? AND id NOT IN "
        "(SELECT id FROM loads WHERE place = ? AND model = ? ORDER BY id DESC LIMIT ?)",
        (place, model, place, model, KEPT),
    )


def usual(connection: sqlite3.Connection) -> dict[tuple[str, str], float]:
    """The median of each, by provider and the provider's own id of the model."""
    held: dict[tuple[str, str], list[float]] = {}
    for place, model, load_s in connection.execute("SELECT place, model, load_s FROM loads"):
        held.setdefault((place, model), []).append(load_s)
    return {key: median(times) for key, times in held.items()}
