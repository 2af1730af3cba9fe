"""Attempts that have ended, packed: many rows as one value, column by column, so that a million of them are read in a second.

Python's sqlite3 takes longer over each value that it hands out than sqlite does over a row. The rows stay what counts: what is packed is made
from them, is dropped by sqlite itself when one of them changes (triggers in `schema`), and can be dropped at any time. A migration that adds a column to
`attempts` should empty `packed`: pieces without it are passed over, which is right and slow.
"""

from __future__ import annotations

import sqlite3
import zlib
from array import array
from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import nan
from typing import Any, Final, get_args

import msgspec

from routebook.books.ledger import COLUMNS, STORED_NAMES
from routebook.messages import Attempt

ROWS: Final = 1024
"""Rows in one value. Packing them takes some 25 ms, for which whoever wants to write may have to wait."""
_APART: Final = ("time", "feedback")
"""Feedback may come long after the end of an attempt, so it is read apart, of all rows: there is an index of those that have it."""
NUMBERS: Final = tuple(
    field.name
    for field in msgspec.structs.fields(Attempt)
    if field.name not in _APART and {int, float, bool, Decimal} & {field.type, *get_args(field.type)}
)
TEXTS: Final = tuple(name for name in COLUMNS if name not in (*_APART, *NUMBERS))

_STORED: Final = dict(zip(COLUMNS, STORED_NAMES, strict=True))
_READ: Final = ("time", *NUMBERS, *TEXTS)
_SELECT: Final = f"SELECT id, {', '.join(_STORED[name] for name in _READ)} FROM attempts WHERE id > ? AND id < ? ORDER BY id"  # noqa: S608  our own names
_FASTEST: Final = 1
_AT_ONCE: Final = 512
"""Rows that stay in the processor's cache while they are taken apart."""
_NO_END: Final = 2**63 - 1


class Part(msgspec.Struct, array_like=True, frozen=True):
    """Some rows, column by column, in the order of their ids. Bytes are of this machine's C types, a value for each row."""

    ids: bytes
    """64-bit integers."""
    times: bytes
    """Microseconds since 1970, 64-bit integers."""
    numbers: dict[str, bytes]
    """Doubles, NaN where unknown, as stored: money in pico-dollars."""
    texts: dict[str, tuple[list[str | None], bytes]]
    """The different texts, and for each row which of them it is, unsigned 16-bit."""


_read: Final = msgspec.msgpack.Decoder(Part).decode
_write: Final = msgspec.msgpack.Encoder().encode


def parts(connection: sqlite3.Connection, *, after: int) -> Iterator[Part]:
    """Yield the rows behind one, packed or not; the first part may begin before it."""
    query = "SELECT first, last, rows FROM packed WHERE last > ? ORDER BY last"
    for first, last, rows in connection.execute(query, (after,)):
        part = _unpacked(rows)
        if part is not None:
            yield from _loose(connection, after=after, before=first)
            yield part
            after = last
    yield from _loose(connection, after=after, before=_NO_END)


def is_due(connection: sqlite3.Connection, *, rows: int = ROWS) -> bool:
    """Whether so many attempts have ended since the last were packed that more can be."""
    return _next(connection, rows) is not None


def pack(connection: sqlite3.Connection, *, rows: int = ROWS) -> bool:
    """Pack the next rows, if enough have ended; return whether there are more."""
    span = _next(connection, rows)
    if span is None:
        return False
    after, last = span
    part = _part(list(zip(*connection.execute(_SELECT, (after, last + 1)), strict=True)))
    connection.execute("INSERT INTO packed (first, last, rows) VALUES (?, ?, ?)", (after + 1, last, packed_bytes(part)))
    return is_due(connection, rows=rows)


def packed_bytes(part: Part) -> bytes:
    """A part as it is kept."""
    return zlib.compress(_write(part), _FASTEST)


def first_running(connection: sqlite3.Connection) -> int | None:
    """The first attempt that has not ended; those before it stay as they are, but for their feedback."""
    query = "SELECT min(id) FROM attempts INDEXED BY attempts_running WHERE status = 'running'"  # else min() walks through all rows
    found: int | None = connection.execute(query).fetchone()[0]
    return found


def _next(connection: sqlite3.Connection, rows: int) -> tuple[int, int] | None:
    """The row behind which to pack, and the last of so many."""
    after: int = connection.execute("SELECT coalesce(max(last), 0) FROM packed").fetchone()[0]
    query = "SELECT id FROM attempts WHERE id > ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?"
    found = connection.execute(query, (after, first_running(connection) or _NO_END, rows - 1)).fetchone()
    return None if found is None else (after, found[0])


def _loose(connection: sqlite3.Connection, *, after: int, before: int) -> Iterator[Part]:
    """The rows between two as they are in the ledger."""
    if before - after <= 1:
        return
    cursor = connection.execute(_SELECT, (after, before))
    while rows := cursor.fetchmany(_AT_ONCE):
        yield _part(list(zip(*rows, strict=True)))


def _part(columns: Sequence[Sequence[Any]]) -> Part:
    """The part of rows as they were read, given column by column."""
    ids, times, *others = columns
    texts = others[len(NUMBERS) :]
    return Part(
        array("q", ids).tobytes(),
        array("q", times).tobytes(),
        {name: _doubles(values) for name, values in zip(NUMBERS, others, strict=False)},
        {name: _coded(values) for name, values in zip(TEXTS, texts, strict=True)},
    )


def _doubles(values: Sequence[float | None]) -> bytes:
    known: Sequence[Any] = values if None not in values else [nan if value is None else value for value in values]
    return array("d", known).tobytes()


def _coded(values: Sequence[str | None]) -> tuple[list[str | None], bytes]:
    different = list(dict.fromkeys(values))
    codes = {value: code for code, value in enumerate(different)}
    return different, array("H", map(codes.__getitem__, values)).tobytes()


def _unpacked(rows: bytes) -> Part | None:
    """What was packed; `None` when it is damaged, or of other columns than this version has."""
    try:
        part = _read(zlib.decompress(rows))
    except (zlib.error, msgspec.DecodeError):
        return None
    return part if tuple(part.numbers) == NUMBERS and tuple(part.texts) == TEXTS else None
