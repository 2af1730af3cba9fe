"""Budgets: what was spent in each scope, hour by hour, and whether one more call may be sent.

Hours are local time (`2026112114` is 14 h on 21 November 2026), because people's days begin at their own midnight.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from routebook.books.money import from_pico, to_pico
from routebook.config.values import Budget
from routebook.errors import BudgetExceeded
from routebook.messages import Attempt

PERIODS: Final = ("hourly", "daily", "weekly", "monthly")
TOTAL: Final = "total"
_ALL: Final = "coalesce(sum(reserved_pusd), 0)"


def scopes(attempt: Attempt) -> dict[str, str]:
    """The scopes an attempt counts in, each with the column that holds it."""
    named = {
        f"provider:{attempt.provider}": "provider",
        f"model:{attempt.model}": "model",
        f"pool:{attempt.pool}": "pool",
        f"tier:{attempt.tier}": "tier",
        f"agent:{attempt.agent}": "agent",
        f"notebook:{attempt.notebook}": "notebook",
    }
    return {TOTAL: "", **{scope: column for scope, column in named.items() if getattr(attempt, column) is not None}}


def hour(now: dt.datetime) -> int:
    """The key of an hour of local time."""
    return ((now.year * 100 + now.month) * 100 + now.day) * 100 + now.hour


def period_start(period: str, now: dt.datetime) -> dt.datetime:
    """When the current period began, in the zone of `now`; weeks begin on Monday."""
    start = now.replace(minute=0, second=0, microsecond=0)
    if period == "hourly":
        return start
    start = start.replace(hour=0)
    if period == "weekly":
        return start - dt.timedelta(days=start.weekday())
    return start.replace(day=1) if period == "monthly" else start


def period_end(period: str, now: dt.datetime) -> dt.datetime:
    """When the current period ends and its budget is whole again."""
    start = period_start(period, now)
    if period == "monthly":
        return (start + dt.timedelta(days=32)).replace(day=1)
    return start + {"hourly": dt.timedelta(hours=1), "daily": dt.timedelta(days=1), "weekly": dt.timedelta(days=7)}[period]


def spent_pusd(connection: sqlite3.Connection, scope: str, *, since: int) -> int:
    """Pico-dollars spent in a scope since an hour."""
    query = "SELECT coalesce(sum(cost_pusd), 0) FROM spending WHERE scope = ? AND hour >= ?"
    return int(connection.execute(query, (scope, since)).fetchone()[0])


def lost_pusd(connection: sqlite3.Connection, scope: str, *, since: int) -> tuple[int, int]:
    """Calls of processes that were killed since an hour, and the pico-dollars that they may have cost at most."""
    query = "SELECT coalesce(sum(calls), 0), coalesce(sum(most_pusd), 0) FROM lost_spending WHERE scope = ? AND hour >= ?"
    calls, most = connection.execute(query, (scope, since)).fetchone()
    return calls, most


def reserved_pusd(connection: sqlite3.Connection, *scopes: str) -> tuple[int, ...]:
    """Pico-dollars reserved by attempts under way in each of some scopes; one walk over these attempts, however many scopes."""
    kinds, names = zip(*((kind, name) for kind, _, name in (scope.partition(":") for scope in scopes)), strict=True)
    sums = ", ".join(f"coalesce(sum(reserved_pusd) FILTER (WHERE {kind} = ?), 0)" if kind != TOTAL else _ALL for kind in kinds)
    query = f"SELECT {sums} FROM attempts INDEXED BY attempts_running WHERE status = 'running'"  # noqa: S608  kind is one of ours
    found: tuple[int, ...] = connection.execute(query, [name for name in names if name]).fetchone()
    return found


def check(
    connection: sqlite3.Connection, attempt: Attempt, *, budgets: Mapping[str, Budget], need_pusd: int | None, now: dt.datetime
) -> None:  # fmt: skip
    """Make sure that a call needing so much stays within every cap; `None` when its price is unknown.

    Raises:
        BudgetExceeded: naming the first cap it could exceed.
    """
    found = [(name, scope, budget) for name, scope, budget in _applying(attempt, budgets) if any(caps(budget))]
    if not found:
        return
    for (name, scope, budget), held in zip(found, reserved_pusd(connection, *(scope for _, scope, _ in found)), strict=True):
        is_unpriced = need_pusd is None and attempt.tier == "paid" and not budget.unpriced
        for period, cap in caps(budget):
            since = hour(period_start(period, now))
            taken = held + spent_pusd(connection, scope, since=since) + lost_pusd(connection, scope, since=since)[1]
            if is_unpriced or taken + (need_pusd or 0) > to_pico(cap):
                raise BudgetExceeded(
                    name, period=period, cap_usd=cap, spent_usd=from_pico(taken), resets_at=period_end(period, now), model=attempt.model,
                    needed_usd=None if is_unpriced else from_pico(need_pusd or 0),
                )  # fmt: skip


def taken_pusd(connection: sqlite3.Connection, request_id: str) -> int:
    """Pico-dollars that a request has cost so far, with what is reserved for its attempts under way."""
    query = "SELECT coalesce(sum(coalesce(cost_pusd, 0) + reserved_pusd), 0) FROM attempts WHERE request_id = ?"
    return int(connection.execute(query, (request_id,)).fetchone()[0])


def check_cell(connection: sqlite3.Connection, attempt: Attempt, *, cap_usd: Decimal, need_pusd: int | None) -> None:
    """Make sure that all attempts of a request together, those under way beside this one too, stay within the cell's own `--budget`.

    Raises:
        BudgetExceeded: they could exceed it.
    """
    taken = taken_pusd(connection, attempt.request_id)
    is_unpriced = need_pusd is None and attempt.tier == "paid"
    if is_unpriced or taken + (need_pusd or 0) > to_pico(cap_usd):
        raise BudgetExceeded(
            "this cell", period="cell", cap_usd=cap_usd, spent_usd=from_pico(taken), resets_at=None, model=attempt.model,
            needed_usd=None if is_unpriced else from_pico(need_pusd or 0),
        )  # fmt: skip


def caps(budget: Budget) -> Iterator[tuple[str, Decimal]]:
    """Yield the caps of a budget as `(period, US dollars)`, the shortest period first."""
    return ((period, cap) for period in PERIODS if (cap := getattr(budget, period)) is not None)


def _applying(attempt: Attempt, budgets: Mapping[str, Budget]) -> Iterator[tuple[str, str, Budget]]:
    """Yield `(name in [budgets], scope, budget)` for every budget the attempt counts in."""
    for scope, column in scopes(attempt).items():
        value = getattr(attempt, column) if column else TOTAL
        name = "notebook" if column == "notebook" else value
        if (budget := budgets.get(name)) is not None:
            yield name, scope, budget


def record(connection: sqlite3.Connection, attempt: Attempt, *, now: dt.datetime, also: Iterable[str] = ()) -> None:
    """Count an attempt that ended in all its scopes, and in others that it belongs to."""
    cost = to_pico(attempt.cost_usd) if attempt.cost_usd is not None else 0
    tokens = (attempt.input_tokens or 0) + (attempt.output_tokens or 0)
    key, unpriced = hour(now), int(attempt.cost_usd is None)
    connection.executemany(
        "INSERT INTO spending VALUES (?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE SET cost_pusd = cost_pusd + excluded.cost_pusd, "
        "calls = calls + 1, unpriced = unpriced + excluded.unpriced, tokens = tokens + excluded.tokens",
        [(scope, key, cost, unpriced, tokens) for scope in (*scopes(attempt), *also)],
    )


def alerts(connection: sqlite3.Connection, attempt: Attempt, *, budgets: Mapping[str, Budget], now: dt.datetime) -> tuple[str, ...]:
    """The alerts that this attempt's cost has just crossed, as sentences. Call after `record`."""
    cost = to_pico(attempt.cost_usd) if attempt.cost_usd else 0
    said: list[str] = []
    for name, scope, budget in _applying(attempt, budgets) if cost else ():
        if not budget.alerts:
            continue
        period = next((period for period, _ in caps(budget)), "daily")
        spent = spent_pusd(connection, scope, since=hour(period_start(period, now)))
        crossed = [alert for alert in budget.alerts if spent - cost < to_pico(alert) <= spent]
        if crossed:
            said.append(f"The {period} spending of {name!r} passed its alert of ${crossed[-1].normalize():f}: ${from_pico(spent):.4f}.")
    return tuple(said)
