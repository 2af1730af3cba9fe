"""The limits at a glance: what is taken of each, over all kernels, what is left, and when it comes back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Literal

from routebook.books import leases
from routebook.books.claims import Scope
from routebook.books.day_resets import free_at, taken
from routebook.books.steady import MICRO
from routebook.books.windows import DAY, MINUTE, Window
from routebook.messages import Value


class LimitLine(Value, frozen=True, kw_only=True):
    """One limit of a provider or a model."""

    label: str
    """Of the provider or model, as the user calls it."""
    what: str
    """`at once`, `requests a minute`, `tokens a day`."""
    used: int | None
    """Taken or reserved now, all kernels together; `None` where only the provider counts."""
    most: int | None
    """The limit itself; `None` when the provider does not tell it."""
    left: int
    back_s: float | None
    """Seconds until more is left; `None` when all is left or nobody can know."""
    source: Literal["routing.toml", "provider"]
    """Who says so."""


class Cooling(Value, frozen=True, kw_only=True):
    """A cooldown that a provider asked for."""

    label: str
    left_s: float
    reason: str
    is_day: bool
    """A day's quota is spent."""


def limit_lines(connection: sqlite3.Connection, scopes: Iterable[Scope], *, now: int) -> Iterator[LimitLine]:
    """Yield every limit that is set or was told; each scope once."""
    for scope in {scope.name: scope for scope in scopes}.values():
        if scope.max_concurrent is not None:
            held = leases.held(connection, scope.name)
            left = max(0, scope.max_concurrent - held)
            yield LimitLine(
                label=scope.label, what="at once", used=held, most=scope.max_concurrent, left=left, back_s=None, source="routing.toml"
            )
        for window, requests, tokens in ((MINUTE, scope.rpm, scope.tpm), (DAY, scope.rpd, scope.tpd)):
            yield from _window_lines(connection, scope, window, limits=(requests, tokens), now=now)
        yield from _told(connection, scope, now=now)


def cooling(connection: sqlite3.Connection, scopes: Iterable[Scope], *, now: int) -> list[Cooling]:
    """The cooldowns under way of some providers and models."""
    labels = {scope.name: scope.label for scope in scopes}
    query = "SELECT scope, until, reason, is_day FROM cooldowns WHERE until > ? ORDER BY until"
    return [
        Cooling(label=labels[scope], left_s=(until - now) / MICRO, reason=reason, is_day=bool(is_day))
        for scope, until, reason, is_day in connection.execute(query, (now,))
        if scope in labels
    ]


def _window_lines(
    connection: sqlite3.Connection, scope: Scope, window: Window, *, limits: tuple[int | None, int | None], now: int
) -> Iterator[LimitLine]:
    if not any(limits):
        return
    counts = taken(connection, scope.name, window, now=now)
    for place, (kind, most, count) in enumerate(zip(("requests", "tokens"), limits, counts, strict=True)):
        if most is None:
            continue
        excess = (1, 0) if place == 0 else (0, 1)
        back_s = (free_at(connection, scope.name, window, now=now, excess=excess) - now) / MICRO if count else None
        yield LimitLine(
            label=scope.label, what=f"{kind} a {window.name}", used=count, most=most, left=max(0, most - count), back_s=back_s,
            source="routing.toml",
        )  # fmt: skip


def _told(connection: sqlite3.Connection, scope: Scope, *, now: int) -> Iterator[LimitLine]:
    query = 'SELECT kind, period, most, "left", resets FROM quotas WHERE scope = ? AND resets > ? ORDER BY period DESC, kind'
    for kind, period, most, left, resets in connection.execute(query, (scope.name, now)):
        yield LimitLine(
            label=scope.label, what=f"{kind} a {period}", used=None, most=most, left=left, back_s=(resets - now) / MICRO, source="provider"
        )
