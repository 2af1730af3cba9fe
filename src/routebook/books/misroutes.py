"""Requests that their user says were routed wrongly, and how many were not."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from routebook.messages import ASIDE


class Misroute(NamedTuple):
    """One request that went the wrong way."""

    request_id: str
    time: int
    """When it was marked, microseconds since 1970."""
    task: str
    """What it was taken for."""
    route: str
    should: str | None
    """The task that it should have been taken for, if that was said."""


def mark(connection: sqlite3.Connection, misroute: Misroute) -> None:
    """Write it down; a mark of the same request before is replaced."""
    connection.execute("INSERT OR REPLACE INTO misroutes VALUES (?, ?, ?, ?, ?)", misroute)


def unmark(connection: sqlite3.Connection, request_id: str) -> bool:
    """Take a mark back; tell whether there was one."""
    return connection.execute("DELETE FROM misroutes WHERE request_id = ?", (request_id,)).rowcount > 0


def by_day(connection: sqlite3.Connection, *, zone_s: int) -> list[tuple[int, str, int, int]]:
    """Return day (since 1970, in a zone so many seconds east), task, requests and how many of them are marked, the oldest first.

    Requests that name a model or a route themselves are not in it: nothing was decided for them.
    """
    query = f"""
        SELECT (a.time / 1000000 + ?) / 86400 AS day, a.task, count(*), count(m.request_id)
        FROM attempts AS a LEFT JOIN misroutes AS m ON m.request_id = a.request_id
        WHERE a.attempt = 1 AND a.kind NOT IN {ASIDE} AND a.reason NOT LIKE 'you named it%'
        GROUP BY day, a.task ORDER BY day, a.task
    """  # noqa: S608  our own words
    return connection.execute(query, (zone_s,)).fetchall()


def confusions(connection: sqlite3.Connection) -> list[tuple[str, str | None, int]]:
    """Return what was taken for what: task, the task it should have been, how often; the most often first."""
    return connection.execute("SELECT task, should, count(*) FROM misroutes GROUP BY task, should ORDER BY 3 DESC, 1, 2").fetchall()
