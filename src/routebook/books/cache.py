"""The cache: answers by the hash of their whole request, each with a life, within a bound of bytes; least recently used out first.

It holds answers and hashes, never a prompt. A row that cannot be read counts as none, and is deleted. Which requests an answer was given to is
kept as long as the answer is, so that a bad word about any of them ends it.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import zlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from routebook.books.money import from_pico, to_pico
from routebook.messages import Tier, Value

ROW_BYTES: Final = 200
"""What a row takes besides its answer: the key, its places in three indexes, the columns."""
LONGEST_S: Final = 1e12
"""Any longer life is this long: what sqlite's integers hold."""
AT_ONCE: Final = 50


class Kept(Value, frozen=True, kw_only=True):
    """An answer as the cache keeps it, and what it took."""

    text: str
    thinking: str
    asked_at: dt.datetime
    request_id: str
    """Of the request that led to it."""
    model: str
    provider: str
    tier: Tier
    pool: str | None
    cost_usd: Decimal | None
    """US dollars over all its attempts; `None` when unknown."""


class CacheSums(Value, frozen=True, kw_only=True):
    """The cache in figures."""

    entries: int
    size_bytes: int
    hits: int
    """Requests answered from it, or by another's call at the same time, since the books began."""
    saved_usd: Decimal
    """What these had cost when they were asked; those of unknown price are not in it."""


_TO_BYTES: Final = msgspec.json.Encoder()
_FROM_BYTES: Final = msgspec.json.Decoder(Kept)


def take(connection: sqlite3.Connection, key: bytes, *, life_s: float, now: dt.datetime) -> Kept | None:
    """Return the answer of a request if it is younger than `life_s`, and note that it was used; delete what cannot be read."""
    found = _read(connection, key)
    if found is None:
        drop(connection, key)
        return None
    if not is_alive(found, life_s=life_s, now=now):
        return None
    connection.execute("UPDATE cache SET used = ? WHERE key = ?", (_micros(now), key))
    return found


def look(connection: sqlite3.Connection, keys: Iterable[bytes]) -> dict[bytes, Kept]:
    """Return what there is of some requests, of whatever age, and change nothing."""
    return {key: found for key in keys if (found := _read(connection, key)) is not None}


def is_alive(kept: Kept, *, life_s: float, now: dt.datetime) -> bool:
    """Whether an answer is young enough; one of the future (the clock was set back) is not."""
    return 0 <= (now - kept.asked_at).total_seconds() < life_s


def put(connection: sqlite3.Connection, key: bytes, kept: Kept, *, life_s: float, max_bytes: int) -> None:
    """Keep an answer in place of an older one, and make room for it; one that is too long for all the room is not kept."""
    answer = _TO_BYTES.encode(kept)
    size, now = len(answer) + ROW_BYTES, _micros(kept.asked_at)
    drop(connection, key)
    if size > max_bytes:
        return
    ends = now + round(min(life_s, LONGEST_S) * 1e6)
    connection.execute("INSERT INTO cache VALUES (?, ?, ?, ?, ?, ?)", (key, now, ends, size, zlib.crc32(answer), answer))
    connection.execute("INSERT OR REPLACE INTO cache_given VALUES (?, ?)", (kept.request_id, key))
    _count(connection, entries=1, size_bytes=size)
    _make_room(connection, now=now, max_bytes=max_bytes)


def drop(connection: sqlite3.Connection, key: bytes) -> None:
    """Delete the answer of a request, if there is one."""
    found = connection.execute("SELECT bytes FROM cache WHERE key = ?", (key,)).fetchone()
    if found is not None:
        connection.execute("DELETE FROM cache WHERE key = ?", (key,))
        connection.execute("DELETE FROM cache_given WHERE key = ?", (key,))
        _count(connection, entries=-1, size_bytes=-found[0])


def given(connection: sqlite3.Connection, request_id: str, *, of: str) -> None:
    """Note that a request was answered by the answer to another, if that is still here."""
    connection.execute("INSERT OR REPLACE INTO cache_given SELECT ?, key FROM cache_given WHERE request_id = ?", (request_id, of))


def drop_given(connection: sqlite3.Connection, request_id: str) -> None:
    """Delete the answer that a request was given, so that nobody is given it again; a newer one to the same question stays."""
    for (key,) in connection.execute("SELECT key FROM cache_given WHERE request_id = ?", (request_id,)).fetchall():
        drop(connection, key)


def clear(connection: sqlite3.Connection) -> int:
    """Delete all answers; return how many there were. What was saved by them stays counted."""
    entries = connection.execute("DELETE FROM cache").rowcount
    connection.execute("DELETE FROM cache_given")
    connection.execute("UPDATE cache_sums SET entries = 0, bytes = 0")
    return entries


def count_hit(connection: sqlite3.Connection, saved_usd: Decimal | None) -> None:
    """Count a request that took no call of its own, and what it saved where that is known."""
    connection.execute("UPDATE cache_sums SET hits = hits + 1, saved_pusd = saved_pusd + ?", (to_pico(saved_usd or Decimal(0)),))


def sums(connection: sqlite3.Connection) -> CacheSums:
    """The cache in figures."""
    entries, size, hits, saved = connection.execute("SELECT entries, bytes, hits, saved_pusd FROM cache_sums").fetchone()
    return CacheSums(entries=entries, size_bytes=size, hits=hits, saved_usd=from_pico(saved))


def _read(connection: sqlite3.Connection, key: bytes) -> Kept | None:
    row = connection.execute("SELECT checksum, answer FROM cache WHERE key = ?", (key,)).fetchone()
    if row is None or zlib.crc32(row[1]) != row[0]:
        return None
    try:
        return _FROM_BYTES.decode(row[1])
    except (msgspec.DecodeError, UnicodeDecodeError):  # of another version of Routebook
        return None


def _make_room(connection: sqlite3.Connection, *, now: int, max_bytes: int) -> None:
    """Delete what has ended, then what was used least recently, until all fits."""
    for (key,) in connection.execute("SELECT key FROM cache WHERE ends <= ? LIMIT ?", (now, AT_ONCE)).fetchall():
        drop(connection, key)
    while (over := _size(connection) - max_bytes) > 0:
        oldest = connection.execute("SELECT key, bytes FROM cache ORDER BY used LIMIT ?", (AT_ONCE,)).fetchall()
        if not oldest:
            clear(connection)  # the sums were wrong: somebody else wrote here
        for key, size in oldest:
            if over > 0:
                drop(connection, key)
                over -= size


def _size(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT bytes FROM cache_sums").fetchone()[0])


def _count(connection: sqlite3.Connection, *, entries: int, size_bytes: int) -> None:
    """Keep the sums as they are, so that nobody has to add up the whole cache."""
    connection.execute("UPDATE cache_sums SET entries = entries + ?, bytes = bytes + ?", (entries, size_bytes))


def _micros(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1e6)
