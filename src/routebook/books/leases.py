"""Places that attempts hold, over all kernels, and what they had reserved; each until its attempt ends, its process dies, or it is not renewed."""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from routebook.books.steady import MICRO

LEASE_S: Final = 60.0
"""A session that did not show itself for so long has lost its places."""
RENEW_S: Final = 10.0


class Lease(NamedTuple):
    """What one attempt holds."""

    tokens: int
    """Reserved."""
    since: int
    """When it was counted."""


def hold(
    connection: sqlite3.Connection, attempt: int, *, session: str, provider: str, model: str, tokens: int, now: int
) -> None:  # fmt: skip
    """Hold a place for an attempt; `provider` and `model` are names of scopes."""
    connection.execute("INSERT INTO leases VALUES (?, ?, ?, ?, ?, ?)", (attempt, session, provider, model, tokens, now))


def release(connection: sqlite3.Connection, attempt: int) -> Lease | None:
    """Give a place back; return what it was, `None` when there was none."""
    found = connection.execute("DELETE FROM leases WHERE attempt = ? RETURNING tokens, since", (attempt,)).fetchone()
    return None if found is None else Lease(*found)


def held(connection: sqlite3.Connection, scope: str) -> int:
    """How many places of a provider or model are taken."""
    return int(connection.execute("SELECT count(*) FROM leases WHERE provider = ? OR model = ?", (scope, scope)).fetchone()[0])


def reserved(connection: sqlite3.Connection, scope: str, *, since: int) -> int:
    """Tokens that attempts under way have reserved since a time, and may give back in part."""
    query = "SELECT coalesce(sum(tokens), 0) FROM leases WHERE (provider = ? OR model = ?) AND since > ?"
    return int(connection.execute(query, (scope, scope, since)).fetchone()[0])


def renew(connection: sqlite3.Connection, session: str, *, now: int) -> None:
    """Show that a session is alive."""
    connection.execute("UPDATE sessions SET seen = ? WHERE id = ?", (now, session))


def expire(connection: sqlite3.Connection, *, now: int, own: str) -> int:
    """Drop the places of other sessions that did not show themselves; return how many those were."""
    query = "DELETE FROM leases WHERE session != ? AND session NOT IN (SELECT id FROM sessions WHERE seen > ?)"
    return connection.execute(query, (own, now - round(LEASE_S * MICRO))).rowcount
