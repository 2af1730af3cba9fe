"""Pools of tokens: one allowance for many models, used up by whichever of them is called, and how long it will last.

Used tokens stand in the table of spending under `tokens:POOL`, hour by hour; what calls under way may use is reserved in their rows.
"""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

from routebook.books.budgets import hour, period_end, period_start
from routebook.config.values import Config
from routebook.errors import PoolSpent
from routebook.messages import Attempt, Value

PERIODS: Final = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly"}
NEVER: Final = dt.datetime(9998, 1, 1)  # noqa: DTZ001  it gets the zone of what it is compared with
"""When a grant comes back."""
LOOKBACK_DAYS: Final = 14
"""The pace is that of so many days at most: older habits say little about tomorrow."""
LEAST_DAYS: Final = 2
"""Fewer whole days say nothing about how much one differs from another."""
LIKELY: Final = 1.28
"""Standard errors on each side: the truth lies between in about four of five cases."""


class TokenPool(Value, frozen=True, kw_only=True):
    """An allowance of tokens as `[pools.NAME]` has it."""

    name: str
    tokens: int
    per: Literal["hour", "day", "week", "month", "ever"]
    alerts: tuple[float, ...]
    """Shares of `tokens`, lowest first."""
    models: frozenset[str]

    @property
    def scope(self) -> str:
        """Its name in the table of spending."""
        return f"tokens:{self.name}"

    def start(self, now: dt.datetime) -> dt.datetime:
        """When the allowance was whole last."""
        if self.per == "ever":
            return dt.datetime(1970, 1, 2, tzinfo=now.tzinfo)
        return period_start(PERIODS[self.per], now)

    def end(self, now: dt.datetime) -> dt.datetime:
        """When it is whole again: `NEVER` for a grant."""
        return NEVER.replace(tzinfo=now.tzinfo) if self.per == "ever" else period_end(PERIODS[self.per], now)

    @property
    def allowance(self) -> str:
        """How much it is, for people to read."""
        return f"{self.tokens:,} tokens in all" if self.per == "ever" else f"{self.tokens:,} tokens a {self.per}"


class Forecast(Value, frozen=True, kw_only=True):
    """How long what is left will last, at the pace of the last days. A time is `None` when it lasts until the reset."""

    days: int
    """Whole days that the pace was seen on."""
    daily_tokens: float
    """Their mean."""
    runs_out: dt.datetime | None
    soonest: dt.datetime | None
    """Four of five times it is between this and `latest`."""
    latest: dt.datetime | None


class PoolState(Value, frozen=True, kw_only=True):
    """What is left of a pool, and how long it will last."""

    pool: TokenPool
    used: int
    reserved: int
    """What calls under way may still use."""
    lost: int
    """Of `used`, what calls of killed processes may have used at most."""
    resets_at: dt.datetime
    forecast: Forecast | None
    """`None` when too little was used to tell."""

    @property
    def left(self) -> int:
        """Tokens that may still be used."""
        return max(0, self.pool.tokens - self.used - self.reserved)

    @property
    def outlook(self) -> str:
        """The forecast as a sentence."""
        return _sentence(self)


def token_pools(config: Config) -> tuple[TokenPool, ...]:
    """The allowances of tokens in `[pools]`, each with all models that use it up, discovered ones too."""
    return tuple(
        TokenPool(name=name, tokens=pool.tokens, per=pool.per, alerts=pool.alerts, models=_members(config, pool.models))
        for name, pool in config.pools.items()
        if pool.tokens is not None
    )


def _members(config: Config, names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(
        model
        for model, entry in config.models.items()
        if model in names or entry.id in names or f"{entry.provider}/{entry.id}" in names or entry.provider in names
    )


def pools_of(model: str, pools: Iterable[TokenPool]) -> list[TokenPool]:
    """The allowances that a model uses up."""
    return [pool for pool in pools if model in pool.models]


def used(connection: sqlite3.Connection, pool: TokenPool, *, since: int) -> int:
    """Tokens used since an hour, and those that may have been."""
    query = "SELECT coalesce(sum(tokens), 0) FROM spending WHERE scope = ? AND hour >= ?"
    return int(connection.execute(query, (pool.scope, since)).fetchone()[0]) + lost(connection, pool, since=since)


def lost(connection: sqlite3.Connection, pool: TokenPool, *, since: int) -> int:
    """Tokens that calls of processes that were killed since an hour may have used at most."""
    query = "SELECT coalesce(sum(tokens), 0) FROM lost_spending WHERE scope = ? AND hour >= ?"
    return int(connection.execute(query, (pool.scope, since)).fetchone()[0])


def reserved(connection: sqlite3.Connection, pool: TokenPool) -> int:
    """Tokens that attempts under way may use."""
    marks = ", ".join("?" * len(pool.models))
    query = f"SELECT coalesce(sum(reserved_tokens), 0) FROM attempts INDEXED BY attempts_running WHERE status = 'running' AND model IN ({marks})"  # noqa: S608
    return int(connection.execute(query, sorted(pool.models)).fetchone()[0])


def check(connection: sqlite3.Connection, pools: Sequence[TokenPool], *, need: int, now: dt.datetime) -> None:
    """Make sure that a call which may use so many tokens stays within the allowances.

    Raises:
        PoolSpent: naming the first that it could exceed.
    """
    for pool in pools:
        taken = used(connection, pool, since=hour(pool.start(now))) + reserved(connection, pool)
        if taken + need > pool.tokens:
            raise PoolSpent(
                pool.name, period=pool.per, cap_tokens=pool.tokens, used_tokens=taken, needed_tokens=need, resets_at=pool.end(now)
            )  # fmt: skip


def alerts(connection: sqlite3.Connection, attempt: Attempt, pools: Sequence[TokenPool], *, now: dt.datetime) -> tuple[str, ...]:
    """The shares that this attempt has just crossed, as sentences. Call after it was recorded."""
    own = (attempt.input_tokens or 0) + (attempt.output_tokens or 0)
    said: list[str] = []
    for pool in pools:
        after = used(connection, pool, since=hour(pool.start(now)))
        crossed = [share for share in pool.alerts if after - own < share * pool.tokens <= after]
        if crossed:
            said.append(f"The pool {pool.name!r} passed {crossed[-1]:.0%} of its {pool.allowance}: {after:,} are used.")
    return tuple(said)


def states(connection: sqlite3.Connection, pools: Iterable[TokenPool], *, now: dt.datetime) -> Iterator[PoolState]:
    """Yield what is left of each pool, and how long it will last."""
    for pool in pools:
        gone, held = used(connection, pool, since=hour(pool.start(now))), reserved(connection, pool)
        left = max(0, pool.tokens - gone - held)
        forecast = _forecast(_daily(connection, pool, now=now), left=left, resets_at=pool.end(now), now=now)
        unsure = lost(connection, pool, since=hour(pool.start(now)))
        yield PoolState(pool=pool, used=gone, reserved=held, lost=unsure, resets_at=pool.end(now), forecast=forecast)


def _daily(connection: sqlite3.Connection, pool: TokenPool, *, now: dt.datetime) -> list[int]:
    """Tokens of each whole day since the first that used any, today not among them."""
    today = period_start("daily", now)
    first = hour(today - dt.timedelta(days=LOOKBACK_DAYS))
    query = "SELECT hour / 100, sum(tokens) FROM spending WHERE scope = ? AND hour >= ? AND hour < ? GROUP BY hour / 100"
    found = dict(connection.execute(query, (pool.scope, first, hour(today))).fetchall())
    days = [hour(today - dt.timedelta(days=back)) // 100 for back in range(LOOKBACK_DAYS, 0, -1)]
    begun = next((at for at, day in enumerate(days) if day in found), len(days))
    return [int(found.get(day, 0)) for day in days[begun:]]


def _forecast(daily: Sequence[int], *, left: int, resets_at: dt.datetime, now: dt.datetime) -> Forecast | None:
    """By the mean of some days; its doubt comes from how much they differ, and is less the more days there are, before and ahead."""
    if len(daily) < LEAST_DAYS or not any(daily):
        return None
    mean = sum(daily) / len(daily)
    spread = math.sqrt(sum((one - mean) ** 2 for one in daily) / (len(daily) - 1))
    ahead = max(1.0, left / mean)
    doubt = LIKELY * spread * math.sqrt(1 / len(daily) + 1 / ahead)

    def gone(pace: float) -> dt.datetime | None:
        when = now + dt.timedelta(days=left / pace) if pace > 0 and left / pace < 366 else resets_at  # noqa: PLR2004  a year is never
        return when if when < resets_at else None

    return Forecast(
        days=len(daily), daily_tokens=mean, runs_out=gone(mean), soonest=gone(mean + doubt), latest=gone(mean - doubt)
    )  # fmt: skip


def _sentence(state: PoolState) -> str:
    is_grant = state.pool.per == "ever"
    reset = f"{state.resets_at:%a %d %b %H:%M}"
    again = "" if is_grant else f" It is whole again {reset}."
    if not state.left:
        return "It is used up." if is_grant else f"It is used up until {reset}."
    found = state.forecast
    if found is None:
        return f"Too little was used yet to say how long it lasts.{again}"
    pace = f"At the pace of the last {found.days} days, about {found.daily_tokens:,.0f} tokens a day, it"
    if is_grant and (found.soonest is None or found.runs_out is None):
        return f"{pace} lasts a year or more."
    if found.soonest is None:
        return f"{pace} lasts until it is whole again {reset}."
    early, late = (
        f"{found.soonest:%a %d %b}",
        f"{found.latest:%a %d %b}" if found.latest else "a year from now" if is_grant else "its reset",
    )
    if found.runs_out is None:
        return f"{pace} lasts until its reset {reset}, but on busy days it may run out from {early} on."
    return f"{pace} runs out about {found.runs_out:%a %d %b} (most likely between {early} and {late}).{again}"
