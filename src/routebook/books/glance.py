"""The books at a glance: how many attempts they hold, what each cap has left, which request was the last."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator, Mapping
from decimal import Decimal

from routebook.books.budgets import PERIODS, TOTAL, hour, lost_pusd, period_end, period_start, reserved_pusd, spent_pusd
from routebook.books.money import from_pico
from routebook.config.values import Budget
from routebook.messages import Value

_NAMED_SCOPES = ("provider", "model", "pool", "tier", "agent")


class Cap(Value, frozen=True, kw_only=True):
    """What is left of one cap in its current period. US dollars."""

    name: str
    """As in `[budgets]`."""
    period: str
    cap_usd: Decimal
    spent_usd: Decimal
    reserved_usd: Decimal
    """Held for calls under way."""
    lost: int
    """Calls of processes that were killed: what they cost is unknown."""
    lost_usd: Decimal
    """The most that these may have cost; the cap counts it as spent."""
    unpriced: int
    """Calls of the period whose cost is unknown; they are not in `spent_usd`."""
    resets_at: dt.datetime

    @property
    def left_usd(self) -> Decimal:
        """What may still be spent."""
        return max(Decimal(0), self.cap_usd - self.spent_usd - self.reserved_usd - self.lost_usd)


def caps(connection: sqlite3.Connection, budgets: Mapping[str, Budget], *, notebook: str | None, now: dt.datetime) -> Iterator[Cap]:
    """Yield every cap of `[budgets]`, the cap on each notebook only where the notebook's name is known."""
    for name, budget in budgets.items():
        for period in PERIODS:
            if (cap := getattr(budget, period)) is not None and (scopes := _scopes(name, notebook)):
                scope = max(scopes, key=lambda scope: _taken(connection, scope, period=period, now=now))
                yield _cap(connection, name, scope, period=period, cap_usd=cap, now=now)


def count_attempts(connection: sqlite3.Connection) -> int:
    """How many attempts the books hold: those that ended, as they were counted then, and those under way. To count the rows takes long."""
    query = (
        "SELECT (SELECT coalesce(sum(calls), 0) FROM spending WHERE scope = ?) + (SELECT count(*) FROM attempts WHERE status = 'running') "
        "+ (SELECT coalesce(sum(calls), 0) FROM lost_spending WHERE scope = ?)"
    )
    return int(connection.execute(query, (TOTAL, TOTAL)).fetchone()[0])


def last_request(connection: sqlite3.Connection, session: str) -> str | None:
    """The id of the newest request that one process made for a user; `None` when it made none."""
    query = "SELECT request_id FROM attempts WHERE session = ? AND kind NOT IN ('health', 'warmup', 'evaluation') ORDER BY id DESC LIMIT 1"
    found = connection.execute(query, (session,)).fetchone()
    return None if found is None else str(found[0])


def requests_like(connection: sqlite3.Connection, beginning: str, *, most: int = 3) -> list[str]:
    """Ids of requests that begin with a text, for one who typed only its first letters."""
    end = beginning + "\U0010ffff"
    query = "SELECT DISTINCT request_id FROM attempts WHERE request_id >= ? AND request_id < ? LIMIT ?"
    return [str(row[0]) for row in connection.execute(query, (beginning, end, most))]


def _scopes(name: str, notebook: str | None) -> list[str]:
    """The scopes that a name of `[budgets]` may stand for."""
    if name == TOTAL:
        return [TOTAL]
    if name == "notebook":
        return [f"notebook:{notebook}"] if notebook else []
    return [f"{kind}:{name}" for kind in _NAMED_SCOPES]


def _taken(connection: sqlite3.Connection, scope: str, *, period: str, now: dt.datetime) -> int:
    since = hour(period_start(period, now))
    return reserved_pusd(connection, scope)[0] + spent_pusd(connection, scope, since=since) + lost_pusd(connection, scope, since=since)[1]


def _cap(connection: sqlite3.Connection, name: str, scope: str, *, period: str, cap_usd: Decimal, now: dt.datetime) -> Cap:
    since = hour(period_start(period, now))
    query = "SELECT coalesce(sum(unpriced), 0) FROM spending WHERE scope = ? AND hour >= ?"
    lost, most = lost_pusd(connection, scope, since=since)
    return Cap(
        name=name,
        period=period,
        cap_usd=cap_usd,
        spent_usd=from_pico(spent_pusd(connection, scope, since=since)),
        reserved_usd=from_pico(reserved_pusd(connection, scope)[0]),
        lost=lost,
        lost_usd=from_pico(most),
        unpriced=int(connection.execute(query, (scope, since)).fetchone()[0]),
        resets_at=period_end(period, now),
    )
