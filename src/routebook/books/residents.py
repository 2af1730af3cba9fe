"""The machine's memory, over all kernels: who may load a model, what leaves for it, and who waits. In the transaction that lets an attempt in.

What is in memory is what the server said when it was asked, with what has happened since by the books: models that calls are under way to, that
were called since, that were unloaded since. So two kernels that ask for two models at once never both find the last place.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from routebook.books.claims import Memory, Wait
from routebook.books.steady import MICRO
from routebook.plan.room import Held, room_for, tagged

LEAVING_S: Final = 30.0
"""Unloading takes no longer, or whoever does it is gone."""
WORD_S: Final = 2.5
"""Who has not looked again for so long does not wait any more, as in `turns.py`."""
PATIENCE_S: Final = 3.0
"""Who waits for memory so much longer than another goes first, or a model that is called all the time would never leave."""


class _Row(NamedTuple):
    used: int = 0
    """When a call to it was let in or ended."""
    gone: int = 0
    """When it was unloaded."""
    leaving: int = 0
    """Until then it is being unloaded."""
    wanted: int = 0
    """Since when somebody waits for it."""
    asked: int = 0
    """Until when that holds."""


class Found(NamedTuple):
    """Whether there is room in memory."""

    wait: Wait | None
    unload: tuple[str, ...]


def check(connection: sqlite3.Connection, memory: Memory, *, now: int) -> Found:
    """Look whether a call may be sent, and what must be unloaded first; who must wait is noted, so that nobody waits for ever."""
    rows = _rows(connection, memory.place)
    own = rows.get(memory.model, _Row())
    size = memory.sizes.get(memory.model, 0) or memory.loaded.get(memory.model, 0)
    if memory.max_bytes is not None and size > memory.max_bytes:
        said = f"it takes about {size / 1e9:.1f} GB, and memory_gb of {memory.label} is {memory.max_bytes / 1e9:g}"
        return Found(Wait(kind="places", reason=said, until_s=math.inf), ())
    if own.leaving > now:
        return Found(_want(connection, memory, own, "it is just being unloaded for another", now=now), ())
    held = _held(memory, rows, _busy(connection, memory.place), now=now)
    unload = room_for(memory.model, size, held=held, max_loaded=memory.max_loaded, max_bytes=memory.max_bytes)
    if memory.model in held and unload is None:
        if any(row.leaving > now for row in rows.values()):  # another call to it makes room just now, and is not done
            return Found(_want(connection, memory, own, "room is just being made for it", now=now), ())
        unload = ()  # it takes no more than it has already
    if unload is None:
        return Found(_want(connection, memory, own, _full(memory, held), now=now), ())
    if (other := _older(rows, memory.model, own, now=now)) is not None:
        return Found(_want(connection, memory, own, f"{other} has waited longer for the memory of {memory.label}", now=now), ())
    return Found(None, unload)


def take(connection: sqlite3.Connection, memory: Memory, unload: Iterable[str], *, attempt: int, now: int) -> None:
    """Count a call that was let in; what it is to unload is nobody else's any more."""
    _put(connection, memory.place, memory.model, "used = ?, wanted = 0, asked = 0", (now,))
    for model in unload:
        _put(connection, memory.place, model, 'leaving = ?, "by" = ?', (now + round(LEAVING_S * MICRO), attempt))


def left(connection: sqlite3.Connection, place: str, models: Iterable[str], *, now: int) -> None:
    """These were unloaded."""
    for model in models:
        _put(connection, place, model, "leaving = 0, gone = ?", (now,))


def end(connection: sqlite3.Connection, memory: Memory, *, attempt: int, now: int) -> None:
    """A call has ended; what it did not unload in the end stays."""
    _put(connection, memory.place, memory.model, "used = max(used, ?)", (now,))
    connection.execute('UPDATE residents SET leaving = 0 WHERE place = ? AND "by" = ?', (memory.place, attempt))


def _put(connection: sqlite3.Connection, place: str, model: str, change: str, values: tuple[int, ...]) -> None:
    connection.execute("INSERT OR IGNORE INTO residents (place, model) VALUES (?, ?)", (place, model))
    connection.execute(f"UPDATE residents SET {change} WHERE place = ? AND model = ?", (*values, place, model))  # noqa: S608  our own words


def _rows(connection: sqlite3.Connection, place: str) -> dict[str, _Row]:
    query = "SELECT model, used, gone, leaving, wanted, asked FROM residents WHERE place = ?"
    return {model: _Row(*row) for model, *row in connection.execute(query, (place,))}


def _busy(connection: sqlite3.Connection, place: str) -> set[str]:
    """The models that calls are under way to, in whatever kernel."""
    query = "SELECT DISTINCT model FROM leases WHERE provider = ?"
    return {tagged(scope.removeprefix(f"{place}/")) for (scope,) in connection.execute(query, (place,))}


def _held(memory: Memory, rows: Mapping[str, _Row], busy: set[str], *, now: int) -> dict[str, Held]:
    seen = {model: size for model, size in memory.loaded.items() if rows.get(model, _Row()).gone < memory.looked}
    since = {model for model, row in rows.items() if row.used >= memory.looked and row.used > row.gone}
    leaving = {model for model, row in rows.items() if row.leaving > now}
    staying = busy | leaving | set(memory.spared)
    return {
        model: Held(size=seen.get(model, 0) or memory.sizes.get(model, 0), used=rows.get(model, _Row()).used, is_busy=model in staying)
        for model in dict.fromkeys((*seen, *since, *busy, *leaving))  # of those never used here the server's order counts
    }


def _older(rows: Mapping[str, _Row], model: str, own: _Row, *, now: int) -> str | None:
    """Another model that somebody has waited for so much longer that it goes first."""
    since = own.wanted if own.asked > now else now
    waiting = [(row.wanted, name) for name, row in rows.items() if name != model and row.asked > now]
    wanted, name = min(waiting, default=(now, ""))
    return name if wanted < since - PATIENCE_S * MICRO else None


def _want(connection: sqlite3.Connection, memory: Memory, own: _Row, reason: str, *, now: int) -> Wait:
    if not memory.is_patient:
        return Wait(kind="places", reason=reason, until_s=math.inf)
    since = own.wanted if own.asked > now else now
    _put(connection, memory.place, memory.model, "wanted = ?, asked = ?", (since, now + round(WORD_S * MICRO)))
    return Wait(kind="places", reason=reason)


def _full(memory: Memory, held: Mapping[str, Held]) -> str:
    busy = sorted(model for model, each in held.items() if each.is_busy)
    limits = [f"max_loaded = {memory.max_loaded}"] if memory.max_loaded is not None else []
    limits += [f"memory_gb = {memory.max_bytes / 1e9:g}"] if memory.max_bytes is not None else []
    who = f"{', '.join(busy)} {'is' if len(busy) == 1 else 'are'} in use" if busy else "others are loaded"
    return f"{who}, and {memory.label} has {' and '.join(limits)}"
