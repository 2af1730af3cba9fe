"""Which requests each route took lately: how many, when, at what, and who was asked first."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from routebook.messages import ASIDE

MOST: Final = 5_000
"""Rows that are read at most; of more the oldest are left out, and it is said."""
NEWEST: Final = 3
"""Requests of a route that are told one by one."""


class Taken(NamedTuple):
    """One request. Its time in microseconds since 1970."""

    request_id: str
    time: int
    task: str
    model: str
    """The one that was asked first."""


@dataclass(slots=True)
class Routed:
    """What one route took."""

    requests: int = 0
    tasks: Counter[str] = field(default_factory=Counter)
    newest: list[Taken] = field(default_factory=list)
    """The newest first."""

    def add(self, taken: Taken) -> None:
        """Count a request older than those before."""
        self.requests += 1
        self.tasks[taken.task] += 1
        if len(self.newest) < NEWEST:
            self.newest.append(taken)


def routed(connection: sqlite3.Connection, *, most: int = MOST) -> tuple[dict[str, Routed], bool]:
    """Return what each route took by its name, as the newest `most` attempts have it, and whether there were more."""
    last = connection.execute("SELECT coalesce(max(id), 0) FROM attempts").fetchone()[0]
    query = (
        "SELECT route, request_id, time, task, model FROM attempts "  # noqa: S608  our own words
        f"WHERE id > ? AND attempt = 1 AND kind NOT IN {ASIDE} ORDER BY id DESC"
    )
    found: dict[str, Routed] = {}
    for route, *rest in connection.execute(query, (last - most,)):
        found.setdefault(route, Routed()).add(Taken(*rest))
    return found, last > most
