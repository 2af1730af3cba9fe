"""The newest attempts, read quickly however many there are: what the board is drawn from."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final, NamedTuple

MOST: Final = 2_000
"""Attempts that are read at most; of more the oldest are left out, and it is said."""
REACH: Final = 20_000
"""With a filter, attempts are looked for among so many; sqlite leaves out most of them before they cost anything here."""
FILTERS: Final = ("notebook", "task", "model", "agent")
_ASIDE: Final = ("health", "warmup")
"""Kinds that nobody asked for."""


class Recent(NamedTuple):
    """What the board needs of one attempt. Times in microseconds since 1970, money in pico-dollars."""

    time: int
    request_id: str
    task: str
    model: str
    tier: str
    kind: str
    status: str
    ttft_s: float | None
    latency_s: float | None
    cost_pusd: int | None
    baseline_pusd: int | None
    finish_reason: str | None


def recent(
    connection: sqlite3.Connection, *, since: int, only: Mapping[str, str] | None = None, most: int = MOST
) -> tuple[list[Recent], bool]:
    """Return the attempts since a time, the newest first, and whether older ones of that time were left out.

    `only` keeps those of one notebook, task, model or agent, and looks for them farther back.
    """
    named = [(name, value) for name, value in (only or {}).items() if name in FILTERS]
    where = "".join(f" AND {name} = ?" for name, _ in named)
    reach = max(most, REACH) if named else most
    last = _last(connection)
    query = (
        f"SELECT {', '.join(Recent._fields)} FROM attempts "  # noqa: S608  our own names
        f"WHERE id > ? AND time >= ? AND kind NOT IN (?, ?){where} ORDER BY id DESC LIMIT ?"
    )
    found = connection.execute(query, (last - reach, since, *_ASIDE, *(value for _, value in named), most + 1)).fetchall()
    is_cut = len(found) > most or (last > reach and _time_of(connection, last - reach) >= since)
    return [Recent(*row) for row in found[:most]], is_cut


def offered(connection: sqlite3.Connection, *, most: int = MOST) -> dict[str, list[str]]:
    """Return the notebooks, tasks, models and agents of the newest attempts, in order of their names: what a filter may be set to."""
    query = f"SELECT {', '.join(FILTERS)} FROM attempts WHERE id > ? AND kind NOT IN (?, ?)"  # noqa: S608  our own names
    columns = zip(*connection.execute(query, (_last(connection) - most, *_ASIDE)), strict=True)
    found = [sorted({value for value in column if value}) for column in columns] or [[]] * len(FILTERS)
    return dict(zip(FILTERS, found, strict=True))


def spent_by_tier(connection: sqlite3.Connection, *, since: int) -> dict[str, tuple[int, int, int]]:
    """Attempts, pico-dollars and attempts of unknown price by tier since an hour (as `budgets.hour` counts), however many there were."""
    query = (
        "SELECT substr(scope, 6), sum(calls), sum(cost_pusd), sum(unpriced) FROM spending "
        "WHERE scope IN ('tier:local', 'tier:free', 'tier:paid') AND hour >= ? GROUP BY scope"
    )
    return {tier: (calls, cost, unpriced) for tier, calls, cost, unpriced in connection.execute(query, (since,))}


def state_of(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Something that changes whenever an attempt begins or ends, in this process or another."""
    last, running = connection.execute(
        "SELECT (SELECT coalesce(max(id), 0) FROM attempts), (SELECT count(*) FROM attempts WHERE status = 'running')"
    ).fetchone()
    return last, running, connection.execute("SELECT coalesce(sum(calls), 0) FROM spending WHERE scope = 'total'").fetchone()[0]


def _last(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM attempts").fetchone()[0])


def _time_of(connection: sqlite3.Connection, row: int) -> int:
    found = connection.execute("SELECT time FROM attempts WHERE id <= ? ORDER BY id DESC LIMIT 1", (row,)).fetchone()
    return 0 if found is None else int(found[0])
