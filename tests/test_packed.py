"""What is packed is only another way to write the rows: the frame is what a plain SELECT says, whatever happened to the books."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import attempt

from routebook.books import ledger, packed
from routebook.books.books import Books
from routebook.books.connect import connect
from routebook.books.schema import MIGRATIONS
from routebook.tables.frame import ORDER, frame

FIRST = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
TEXT = st.sampled_from(["a", "b", "it's", "überfüllt", "", "NULL", "🙂"])
MAYBE = TEXT | st.none()
SECONDS = st.floats(min_value=0, max_value=1e6) | st.none()
COUNT = st.integers(min_value=0, max_value=2**40) | st.none()
MONEY = st.sampled_from([None, Decimal(0), Decimal("0.000001"), Decimal("12.34567890123")])
BEGIN = st.fixed_dictionaries(
    {
        "request_id": TEXT, "attempt": st.integers(1, 9), "notebook": MAYBE, "cell_id": MAYBE, "step": MAYBE, "agent": MAYBE, "pool": MAYBE,
        "task": TEXT, "model": TEXT, "complexity": st.floats(0, 10), "strength": st.floats(0, 1),
    }
)  # fmt: skip
END = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["ok", "error", "lost"]), "error": MAYBE, "error_type": MAYBE, "reason": TEXT, "queue_s": SECONDS,
        "ttft_s": SECONDS, "latency_s": SECONDS, "input_tokens": COUNT, "cached_tokens": COUNT, "output_tokens": COUNT,
        "tokens_estimated": st.booleans(), "cost_usd": MONEY, "baseline_usd": MONEY, "finish_reason": st.sampled_from(["stop", None]),
    }
)  # fmt: skip
EDITS = (
    "UPDATE attempts SET model = 'edited' WHERE id = ?", "UPDATE attempts SET latency_s = 7, error = 'edited' WHERE id = ?",
    "UPDATE attempts SET feedback = 0.5 WHERE id = ?", "DELETE FROM attempts WHERE id = ?",
    ("INSERT OR REPLACE INTO attempts (id, session, time, request_id, attempt, kind, task, complexity, strength, route, priority, model, provider,"
    " tier, status, reason) VALUES (?, 's', 9, 'r', 1, 'answer', 't', 1, 1, 'r', 'P2', 'm', 'p', 'paid', 'ok', 'edited')"),
)  # fmt: skip
STEP = st.one_of(
    st.tuples(st.just("begin"), BEGIN), st.tuples(st.just("end"), st.integers(0, 20), END), st.tuples(st.just("judge"), TEXT),
    st.tuples(st.just("edit"), st.sampled_from(EDITS), st.integers(1, 40)), st.tuples(st.just("pack")), st.tuples(st.just("frame")),
)  # fmt: skip


def write(books: Books, work: Callable[[sqlite3.Connection], Any]) -> Any:  # noqa: ANN401
    """Change the books as the engine does."""

    async def main() -> Any:  # noqa: ANN401
        return await books.write(work)

    return asyncio.run(main())


def plain(path: str) -> pd.DataFrame:
    """The frame as anybody would make it who knows no better: one SELECT, column by column."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        names = ", ".join(ledger.STORED_NAMES)
        rows = connection.execute(f"SELECT {names} FROM attempts ORDER BY id").fetchall()  # noqa: S608  our own names
    stored = pd.DataFrame(rows, columns=list(ledger.COLUMNS), dtype=object)
    made: dict[str, Any] = {}
    for name in ORDER:
        column = stored[name]
        if name == "time":
            made[name] = pd.DatetimeIndex(column.to_numpy(dtype="int64").view("datetime64[us]")).tz_localize("UTC")
        elif name in ("request_id", "error", "reason"):
            made[name] = column.astype("str")
        elif name == "attempt":
            made[name] = column.astype("int64")
        elif name == "tokens_estimated":
            made[name] = column.astype("bool")
        elif name.endswith("_tokens"):
            made[name] = column.astype("Int64")
        elif name.endswith("_usd"):
            made[name] = column.astype("float64") / 1e12
        elif name in (*packed.NUMBERS, "feedback"):
            made[name] = column.astype("float64")
        else:
            names_of = pd.Index(sorted({value for value in column if value is not None}), dtype="str")
            made[name] = pd.Categorical(column, categories=names_of)
    return pd.DataFrame(made)


def anew(path: str) -> pd.DataFrame:
    """The frame of one who never asked before."""
    with contextlib.closing(Books(path, budgets={})) as books:
        return frame(books)


def count(path: str) -> int:
    """How many values hold packed rows."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found: int = connection.execute("SELECT count(*) FROM packed").fetchone()[0]
        return found


def ended(number: int, **changes: Any) -> Callable[[sqlite3.Connection], Any]:  # noqa: ANN401
    """An attempt from its beginning to its end."""
    row = attempt(request_id=f"r{number}", time=FIRST + dt.timedelta(seconds=number), model=f"m{number % 3}", **changes)
    return lambda connection: ledger.start(connection, row, session="s")


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Ten attempts, of which nine are packed, three by three."""
    found = str(tmp_path / "books.db")
    with contextlib.closing(connect(found)) as connection:
        for number in range(10):
            ended(number)(connection)
        while packed.pack(connection, rows=3):
            pass
    assert count(found) == 3
    return found


def do(books: Books, running: list[int], step: tuple[Any, ...]) -> None:
    """One thing that may happen to the books."""
    match step:
        case "begin", begun:
            row = attempt(status="running", cost_usd=None, time=FIRST + dt.timedelta(seconds=len(running)), **begun)
            running.append(write(books, partial(ledger.start, attempt=row, session="s")))
        case "end", place, end if running:
            write(books, partial(ledger.finish, row=running.pop(place % len(running)), attempt=attempt(**end)))
        case "judge", request_id:
            write(books, partial(ledger.set_feedback, request_id=request_id, feedback=1.0))
        case "edit", query, row:
            write(books, lambda connection: connection.execute(query, (row,)))
        case "pack", *_:
            write(books, partial(packed.pack, rows=3))
        case "frame", *_:
            frame(books)


@settings(max_examples=60)
@given(st.lists(STEP, max_size=40))
def test_the_frame_is_what_a_plain_select_says(steps: list[tuple[Any, ...]]) -> None:
    """Attempts begin, end in another order, are judged late, packed, and edited by hand; no frame may differ from the rows."""
    with tempfile.TemporaryDirectory() as folder:
        path, running = str(Path(folder) / "books.db"), list[int]()
        with contextlib.closing(Books(path, budgets={})) as books:
            for step in steps:
                do(books, running, step)
            write(books, partial(packed.pack, rows=3))
            pd.testing.assert_frame_equal(anew(path), plain(path))


@settings(max_examples=40)
@given(st.lists(STEP.filter(lambda step: step[0] != "edit"), max_size=40))
def test_a_frame_asked_for_again_is_what_a_plain_select_says(steps: list[tuple[Any, ...]]) -> None:
    """What was read one by one is packed later, in other pieces: nothing is read twice, and nothing is left out."""
    with tempfile.TemporaryDirectory() as folder:
        path, running = str(Path(folder) / "books.db"), list[int]()
        with contextlib.closing(Books(path, budgets={})) as books:
            for step in steps:
                do(books, running, step)
            pd.testing.assert_frame_equal(frame(books), plain(path))


def test_a_vote_on_a_packed_attempt_is_in_the_frame(path: str) -> None:
    """Votes come late; they are read apart, so nothing has to be packed again for them."""
    with contextlib.closing(Books(path, budgets={})) as books:
        write(books, partial(ledger.set_feedback, request_id="r4", feedback=0.0))
        assert frame(books)["feedback"].tolist()[4] == 0.0
    assert count(path) == 3


def test_what_was_read_before_it_was_packed_is_not_read_twice(path: str) -> None:
    """The tenth attempt is in a frame already when it is packed together with two more."""
    with contextlib.closing(Books(path, budgets={})) as books:
        assert len(frame(books)) == 10
        for number in (10, 11):
            write(books, ended(number))
        write(books, partial(packed.pack, rows=3))
        assert count(path) == 4
        pd.testing.assert_frame_equal(frame(books), plain(path))


@pytest.mark.parametrize("query", EDITS[:2] + EDITS[3:])
def test_a_change_of_a_packed_attempt_unpacks_its_neighbours_only(query: str, path: str) -> None:
    """People edit their books with other programs: sqlite itself sees to it that nothing stale is read."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(query, (5,))
    assert count(path) == 2
    pd.testing.assert_frame_equal(anew(path), plain(path))


def test_damaged_packed_rows_are_read_one_by_one(path: str) -> None:
    """The rows are what counts."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE packed SET rows = substr(rows, 1, 20) WHERE last = 6")
        connection.execute("UPDATE packed SET rows = x'' WHERE last = 9")
    pd.testing.assert_frame_equal(anew(path), plain(path))


def test_rows_packed_with_other_columns_are_read_one_by_one(path: str) -> None:
    """A later version has a column more, and nobody thought of what was packed before."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        parts = list(packed.parts(connection, after=0))
        texts = {name: column for name, column in parts[1].texts.items() if name != "step"}
        older = msgspec.structs.replace(parts[1], texts=texts)
        connection.execute("UPDATE packed SET rows = ? WHERE last = 6", (packed.packed_bytes(older),))
    pd.testing.assert_frame_equal(anew(path), plain(path))


def test_a_running_attempt_is_not_packed_nor_what_follows(tmp_path: Path) -> None:
    """Its row is not yet what it will be."""
    path = str(tmp_path / "books.db")
    with contextlib.closing(connect(path)) as connection:
        for number in range(9):
            ended(number, status="running" if number == 4 else "ok")(connection)
        while packed.pack(connection, rows=2):
            pass
        assert [row[0] for row in connection.execute("SELECT last FROM packed")] == [2, 4]
    pd.testing.assert_frame_equal(anew(path), plain(path))


def test_a_process_killed_while_it_packs_leaves_books_whose_frame_is_right(path: str) -> None:
    """Packing is one transaction, so there is no half of it."""
    code = (
        "import os, signal, sys; from routebook.books import packed; from routebook.books.connect import connect\n"
        "c = connect(sys.argv[1]); c.execute('DELETE FROM packed'); c.execute('BEGIN IMMEDIATE'); packed.pack(c, rows=3)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode < 0
    assert count(path) == 0
    pd.testing.assert_frame_equal(anew(path), plain(path))


def until(is_true: Callable[[], bool]) -> None:
    """Wait for what the writer does in its own time."""
    end = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_attempts_are_packed_as_they_end(tmp_path: Path) -> None:
    """Nobody has to ask for it, so the first frame of the day is quick."""
    path = str(tmp_path / "books.db")
    with contextlib.closing(Books(path, budgets={})) as books:

        async def main() -> None:
            rows = [attempt(request_id=f"r{number}") for number in range(packed.ROWS + 8)]
            began = await asyncio.gather(*(books.start(msgspec.structs.replace(row, status="running"), need_usd=None) for row in rows))
            await asyncio.gather(*(books.finish(number, row) for number, row in zip(began, rows, strict=True)))

        asyncio.run(main())
        until(lambda: count(path) == 1)
        pd.testing.assert_frame_equal(frame(books), plain(path))


def test_old_books_are_packed_once_their_frame_was_asked_for(tmp_path: Path) -> None:
    """Books of a version that packed nothing are read the slow way once, and quickly from then on."""
    path = str(tmp_path / "books.db")
    version = next(number for number, tables in enumerate(MIGRATIONS) if "CREATE TABLE packed" in tables)
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.executescript("".join(MIGRATIONS[:version]) + f"PRAGMA user_version = {version}")
        for number in range(2 * packed.ROWS + 5):
            ended(number)(old)
        old.commit()
    with contextlib.closing(Books(path, budgets={})) as books:
        found = frame(books)
        pd.testing.assert_frame_equal(found, plain(path))
        until(lambda: count(path) == 2)
        pd.testing.assert_frame_equal(frame(books), found)
    pd.testing.assert_frame_equal(anew(path), found)
