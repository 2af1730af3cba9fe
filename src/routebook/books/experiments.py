"""What experiments saw: which request was drawn for which model, what came of it, and how each ended."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

_LOWER: Final = ("cost", "latency")
_VALUES: Final = {
    "votes": "SELECT avg(score) FROM outcomes AS o WHERE o.request_id = d.request_id AND o.model = d.model AND o.source = 'vote'",
    "checks": (
        "SELECT max(a.status = 'ok' AND coalesce(a.finish_reason, '') != 'tool_calls') FROM attempts AS a "
        "WHERE a.request_id = d.request_id AND a.model = d.model AND a.status != 'running'"
    ),
    "cost": (
        "SELECT CASE WHEN count(a.cost_pusd) = count(*) THEN sum(a.cost_pusd) / 1e12 END FROM attempts AS a "
        "WHERE a.request_id = d.request_id AND a.status != 'running'"
    ),
    "latency": (
        "SELECT CASE WHEN max(a.status = 'ok') THEN sum(a.latency_s) END FROM attempts AS a "
        "WHERE a.request_id = d.request_id AND a.status != 'running'"
    ),
}
"""What came of a request, by the outcome that an experiment looks at; NULL while nothing did. Checks: whether its own model's answer held."""


class Ending(NamedTuple):
    """How an experiment ended."""

    name: str
    setup: str
    """What was asked of it then; another setup is another experiment."""
    winner: str | None
    sure: float
    time: int


def draw(connection: sqlite3.Connection, name: str, setup: str, *, request_id: str, model: str, time: int) -> None:
    """Write down that a request was drawn for a model."""
    connection.execute("INSERT OR IGNORE INTO experiment_draws VALUES (?, ?, ?, ?, ?)", (request_id, name, setup, model, time))


def observed(connection: sqlite3.Connection, name: str, setup: str, *, outcome: str) -> tuple[dict[str, int], dict[str, list[float]]]:
    """Return by model how many requests were drawn for it, and what came of those of which something is known."""
    query = f"SELECT d.model, ({_VALUES[outcome]}) FROM experiment_draws AS d WHERE d.name = ? AND d.setup = ? ORDER BY d.time"  # noqa: S608  ours
    drawn: defaultdict[str, int] = defaultdict(int)
    values: defaultdict[str, list[float]] = defaultdict(list)
    for model, value in connection.execute(query, (name, setup)):
        drawn[model] += 1
        if value is not None:
            values[model].append(float(value))
    return dict(drawn), dict(values)


def end(connection: sqlite3.Connection, ending: Ending) -> None:
    """Write down how an experiment ended; the first to say so is right."""
    connection.execute("INSERT OR IGNORE INTO experiment_ends VALUES (?, ?, ?, ?, ?)", ending)


def endings(connection: sqlite3.Connection) -> Iterator[Ending]:
    """Yield how experiments ended."""
    for row in connection.execute("SELECT name, setup, winner, sure, time FROM experiment_ends"):
        yield Ending(*row)


def is_lower_better(outcome: str) -> bool:
    """Whether less is better."""
    return outcome in _LOWER
