"""When a provider's day begins anew: as it stated, else a day slides.

A provider that counts by a time of day says when its quota is whole again. From then on what was sent before counts no more, also against the
limits of `routing.toml`, which would hold it for 24 hours.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from routebook.books.steady import MICRO
from routebook.books.windows import DAY, Window, room_at, used

KINDS: Final = ("requests", "tokens")
_DAY_US: Final = 86_400 * MICRO


def tell(connection: sqlite3.Connection, scope: str, kind: str, *, whole_at: int) -> None:
    """Keep when a provider said that a day's quota is whole again."""
    connection.execute("INSERT OR REPLACE INTO day_resets VALUES (?, ?, ?)", (scope, kind, whole_at))


def taken(connection: sqlite3.Connection, scope: str, window: Window, *, now: int) -> tuple[int, int]:
    """Requests and tokens in the window that ends now, of a day only those since the provider's own began."""
    whole_at = _whole_at(connection, scope) if window is DAY else {}
    if not whole_at:
        return used(connection, scope, window, now=now)
    requests, _ = used(connection, scope, window, now=now, since=_begun(whole_at.get("requests"), now))
    _, tokens = used(connection, scope, window, now=now, since=_begun(whole_at.get("tokens"), now))
    return requests, tokens


def free_at(connection: sqlite3.Connection, scope: str, window: Window, *, now: int, excess: tuple[int, int]) -> int:
    """When so many requests and tokens more than now will have left the window, or the provider's day begins anew."""
    slides = room_at(connection, scope, window, now=now, excess=excess)
    if window is not DAY:
        return slides
    whole_at = _whole_at(connection, scope)
    asked = [whole_at.get(kind, 0) for kind, over in zip(KINDS, excess, strict=True) if over > 0]
    stated = max(asked, default=0) if all(at > now for at in asked) else 0
    return min(slides, stated) if stated else slides


def _whole_at(connection: sqlite3.Connection, scope: str) -> dict[str, int]:
    return dict(connection.execute("SELECT kind, whole_at FROM day_resets WHERE scope = ?", (scope,)).fetchall())


def _begun(whole_at: int | None, now: int) -> int:
    """When the provider's day began: at the moment it stated, or a day before that."""
    return 0 if whole_at is None else whole_at if whole_at <= now else whole_at - _DAY_US
