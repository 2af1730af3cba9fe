"""Cooldowns that providers asked for, shared by all kernels; after one of them a single attempt tries first, the others wait for its outcome."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from routebook.books.claims import Wait
from routebook.books.steady import MARGIN, MICRO

PROBE_S: Final = 30.0
"""How long the others wait for the first word of the one that tries; then the next may try."""
_LONGEST_S: Final = 32 * 86_400.0
"""A longer time is a mistake of whoever stated it."""
_FORGET_S: Final = 600.0
"""A cooldown that ended so long ago without anybody trying is forgotten."""


def tell(connection: sqlite3.Connection, scope: str, *, cool_s: float, reason: str, is_day: bool, now: int) -> None:
    """Keep that nobody may ask before so many seconds; a later time already kept stays."""
    until = now + round(min(cool_s, _LONGEST_S) * MICRO) + MARGIN
    connection.execute("DELETE FROM cooldowns WHERE until < ?", (now - round(_FORGET_S * MICRO),))
    connection.execute(
        "INSERT INTO cooldowns (scope, until, reason, is_day, told) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "until = max(until, excluded.until), reason = iif(excluded.until > until, excluded.reason, reason), "
        "is_day = iif(excluded.until > until, excluded.is_day, is_day), told = excluded.told",
        (scope, until, reason, is_day, now),
    )


def check(connection: sqlite3.Connection, scopes: Sequence[str], *, now: int) -> tuple[Wait | None, list[str]]:
    """Whether to wait; else the scopes whose cooldown is over and which this attempt is the first to try."""
    marks = ", ".join("?" * len(scopes))
    is_tried = "probe_until > ? AND EXISTS (SELECT 1 FROM leases WHERE attempt = probe)"
    query = f"SELECT scope, until, reason, is_day, {is_tried} FROM cooldowns WHERE scope IN ({marks}) ORDER BY until DESC"  # noqa: S608  question marks
    untried: list[str] = []
    for scope, until, reason, is_day, has_probe in connection.execute(query, (now, *scopes)):
        if now < until:
            said = Wait(kind="cooldown", reason=reason, until_s=(until - now) / MICRO, is_stated=True, is_day=bool(is_day))
            return said, []
        if now > until + _FORGET_S * MICRO:
            continue
        if has_probe:
            return Wait(kind="probe", reason="its cooldown is over, and another request tries it first"), []
        untried.append(scope)
    return None, untried


def take(connection: sqlite3.Connection, scope: str, *, attempt: int, now: int) -> None:
    """Let this attempt be the one that tries."""
    connection.execute("UPDATE cooldowns SET probe = ?, probe_until = ? WHERE scope = ?", (attempt, now + round(PROBE_S * MICRO), scope))


def passed(connection: sqlite3.Connection, attempt: int, *, now: int) -> None:
    """The one that tried was answered: let the others go. A cooldown told meanwhile stays."""
    connection.execute("DELETE FROM cooldowns WHERE probe = ? AND until <= ?", (attempt, now))


def under_way(connection: sqlite3.Connection, *, now: int) -> list[tuple[str, float, str]]:
    """The scopes that cool down, each with the seconds left and the reason."""
    query = "SELECT scope, (until - ?) / 1e6, reason FROM cooldowns WHERE until > ?"
    return [(scope, left_s, reason) for scope, left_s, reason in connection.execute(query, (now, now))]
