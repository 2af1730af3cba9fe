"""The cache in the books: within its bound, within its life, and never a reason to fail."""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from routebook.books import cache
from routebook.books.cache import Kept
from routebook.books.connect import connect
from routebook.books.schema import MIGRATIONS

NOON = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
ROOM = 10_000_000


@pytest.fixture
def books(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Fresh books."""
    with closing(connect(str(tmp_path / "books.db"))) as connection:
        yield connection


def kept(text: str = "an answer", *, after_s: float = 0, **changes: Any) -> Kept:  # noqa: ANN401  fields of Kept
    """An answer, asked so many seconds after noon."""
    values: dict[str, Any] = {
        "text": text, "thinking": "", "asked_at": NOON + dt.timedelta(seconds=after_s), "request_id": "r1",
        "model": "dear", "provider": "claude", "tier": "paid", "pool": None, "cost_usd": Decimal("0.0000000000123"),
    }  # fmt: skip
    return Kept(**(values | changes))


def put(books: sqlite3.Connection, key: bytes, what: Kept, *, life_s: float = 3600, room: int = ROOM) -> None:
    """Keep an answer."""
    cache.put(books, key, what, life_s=life_s, max_bytes=room)


def take(books: sqlite3.Connection, key: bytes, *, after_s: float = 0, life_s: float = 3600) -> Kept | None:
    """Take an answer so many seconds after noon."""
    return cache.take(books, key, life_s=life_s, now=NOON + dt.timedelta(seconds=after_s))


def counted(books: sqlite3.Connection) -> tuple[int, int]:
    """Entries and bytes, added up: what the sums must say."""
    found: tuple[int, int] = books.execute("SELECT count(*), coalesce(sum(bytes), 0) FROM cache").fetchone()
    return found


@pytest.mark.parametrize("what", [kept("ä\n\0 日本 \U0001f600"), kept(cost_usd=None, pool="fast"), kept("", thinking="hm")], ids=str)
def test_an_answer_is_given_as_it_was_kept(books: sqlite3.Connection, what: Kept) -> None:
    """A replayed cell shows what the first one showed."""
    put(books, b"k", what)
    assert take(books, b"k") == what
    assert cache.look(books, [b"k", b"other"]) == {b"k": what}


@pytest.mark.parametrize(("after_s", "is_there"), [(0, True), (3599.9, True), (3600, False), (-1, False)])
def test_an_answer_has_a_life(books: sqlite3.Connection, after_s: float, *, is_there: bool) -> None:
    """Too old is not there; one of the future is of a clock that was set back."""
    put(books, b"k", kept())
    assert (take(books, b"k", after_s=after_s) is not None) is is_there


def test_each_asks_how_old_it_may_be(books: sqlite3.Connection) -> None:
    """Two routes may share an answer and not its life."""
    put(books, b"k", kept(), life_s=math.inf)
    assert take(books, b"k", after_s=100, life_s=50) is None
    assert take(books, b"k", after_s=100, life_s=200) is not None
    assert take(books, b"k", after_s=1e9, life_s=math.inf) is not None


def test_a_new_answer_takes_the_old_one_s_place(books: sqlite3.Connection) -> None:
    """And is counted once."""
    put(books, b"k", kept("long " * 100))
    put(books, b"k", kept("new"))
    assert take(books, b"k") == kept("new")
    sums = cache.sums(books)
    assert (sums.entries, sums.size_bytes) == counted(books)
    assert sums.entries == 1


def test_what_was_used_least_recently_goes_first(books: sqlite3.Connection) -> None:
    """The size is bounded, and what is still wanted stays."""
    one = len(cache._TO_BYTES.encode(kept("x" * 1000))) + cache.ROW_BYTES
    for number in range(10):
        put(books, b"%d" % number, kept("x" * 1000, after_s=number), room=10 * one)
    assert counted(books)[0] == 10
    assert take(books, b"0", after_s=20) is not None
    put(books, b"new", kept("x" * 1000, after_s=30), room=10 * one)
    assert set(cache.look(books, [b"%d" % number for number in range(10)])) == {b"%d" % number for number in range(10) if number != 1}
    put(books, b"newer", kept("x" * 1000, after_s=40), room=3 * one)
    assert set(cache.look(books, [b"0", b"9", b"new", b"newer"])) == {b"0", b"new", b"newer"}
    sums = cache.sums(books)
    assert (sums.entries, sums.size_bytes) == counted(books) == (3, 3 * one)


def test_thousands_stay_within_the_bound(books: sqlite3.Connection) -> None:
    """A machine that runs for a year keeps its disk."""
    books.execute("BEGIN")
    for number in range(3000):
        put(books, b"%d" % number, kept("x" * (number % 700), after_s=number), room=100_000)
        assert cache.sums(books).size_bytes <= 100_000
    books.execute("COMMIT")
    sums = cache.sums(books)
    assert (sums.entries, sums.size_bytes) == counted(books)
    assert sums.entries > 100


def test_what_has_ended_makes_room_before_what_lives(books: sqlite3.Connection) -> None:
    """The dead are of no use, however recently they were used."""
    put(books, b"short", kept(after_s=10), life_s=1)
    put(books, b"long", kept(), life_s=1000)
    put(books, b"new", kept(after_s=20))
    assert set(cache.look(books, [b"short", b"long", b"new"])) == {b"long", b"new"}


def test_an_answer_longer_than_all_the_room_is_not_kept_and_drives_out_nothing(books: sqlite3.Connection) -> None:
    """One huge answer must not empty the cache."""
    put(books, b"k", kept())
    put(books, b"huge", kept("x" * 5000), room=4000)
    assert take(books, b"k") is not None
    assert take(books, b"huge") is None


@pytest.mark.parametrize(
    "damage",
    ["answer = X'00ff'", "answer = X''", "checksum = 1", "answer = CAST('{}' AS BLOB), checksum = 2745614147"],
    ids=["bytes", "nothing", "checksum", "of another version"],
)
def test_what_cannot_be_read_counts_as_none_and_is_deleted(books: sqlite3.Connection, damage: str) -> None:
    """A damaged row costs one call, not an error."""
    put(books, b"k", kept())
    books.execute(f"UPDATE cache SET {damage}")  # noqa: S608  of this test
    assert cache.look(books, [b"k"]) == {}
    assert take(books, b"k") is None
    assert counted(books) == (0, 0) == (cache.sums(books).entries, cache.sums(books).size_bytes)


def test_wrong_sums_mend_themselves(books: sqlite3.Connection) -> None:
    """One who deletes rows by hand must not hang the next cell."""
    put(books, b"k", kept())
    books.execute("DELETE FROM cache")
    books.execute("UPDATE cache_sums SET bytes = 1000000000")
    put(books, b"k", kept())
    assert counted(books)[1] == cache.sums(books).size_bytes <= ROOM


def test_clearing_keeps_what_was_saved(books: sqlite3.Connection) -> None:
    """The figure is of the past, the answers are not."""
    put(books, b"k", kept())
    cache.count_hit(books, Decimal("0.25"))
    cache.count_hit(books, None)
    assert cache.clear(books) == 1
    sums = cache.sums(books)
    assert (sums.entries, sums.size_bytes, sums.hits, sums.saved_usd) == (0, 0, 2, Decimal("0.25"))


def test_answers_kept_by_an_older_version_can_be_dropped_by_their_request(tmp_path: Path) -> None:
    """Books are older than the code that opens them; what cannot be read in them is no reason to fail."""
    path, answer = str(tmp_path / "old.db"), msgspec.json.encode(kept())
    version = next(number for number, tables in enumerate(MIGRATIONS) if "cache_given" in tables)
    with closing(sqlite3.connect(path)) as old:
        old.executescript("".join(MIGRATIONS[:version]) + f"PRAGMA user_version = {version}")
        for key, stored in ((b"k", answer), (b"damaged", answer[:20]), (b"another's", b"{}")):
            old.execute("INSERT INTO cache VALUES (?, 0, 9000000000000000, 1, ?, ?)", (key, zlib.crc32(stored), stored))
        old.commit()
    with closing(connect(path)) as books:
        assert take(books, b"k") == kept()
        cache.drop_given(books, "r1")
        assert take(books, b"k") is None


def test_what_is_kept_of_who_was_given_an_answer_ends_with_it(books: sqlite3.Connection) -> None:
    """Else it would grow for ever."""
    for number in range(3):
        put(books, b"k", kept(request_id=f"r{number}"))
        cache.given(books, f"again {number}", of=f"r{number}")
        cache.given(books, "too late", of="gone")
    assert sorted(books.execute("SELECT request_id FROM cache_given").fetchall()) == [("again 2",), ("r2",)]
    cache.clear(books)
    assert books.execute("SELECT count(*) FROM cache_given").fetchone() == (0,)
