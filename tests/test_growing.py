"""A frame that is asked for again holds what the books hold now, though only what is new is read."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from making import attempt

from routebook.books import ledger
from routebook.books.books import Books
from routebook.tables.frame import frame

FIRST = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def write(books: Books, work: Callable[[sqlite3.Connection], Any]) -> Any:  # noqa: ANN401
    """Change the books as the engine does."""

    async def main() -> Any:  # noqa: ANN401
        return await books.write(work)

    return asyncio.run(main())


def begun(number: int, **changes: Any) -> Any:  # noqa: ANN401
    """An attempt that has begun."""
    begin = attempt(request_id=f"r{number}", time=FIRST + dt.timedelta(seconds=number), status="running", cost_usd=None, **changes)
    return lambda connection: ledger.start(connection, begin, session="s", reserved_pusd=7)


def ended(row: int, rng: Random) -> Any:  # noqa: ANN401
    """Its end, with whatever may be known and may not be."""
    end = attempt(
        status=rng.choice(["ok", "error"]), cost_usd=rng.choice([None, Decimal("0.25")]), input_tokens=rng.choice([None, 3]),
        finish_reason=rng.choice(["stop", None]), error=rng.choice([None, f"überfüllt {row}"]),
    )  # fmt: skip
    return lambda connection: ledger.finish(connection, row, end)


def taken_back(number: int) -> Callable[[sqlite3.Connection], Any]:
    """It was not sent after all."""
    return lambda connection: ledger.take_back(connection, attempt(request_id=f"r{number}"), session="s")


def judged(number: int) -> Callable[[sqlite3.Connection], Any]:
    """Its user says that it was good."""
    return lambda connection: ledger.set_feedback(connection, f"r{number}", 1.0)


def from_scratch(path: str) -> pd.DataFrame:
    """The frame of one who never asked before."""
    with contextlib.closing(Books(path, budgets={})) as books:
        return frame(books)


@pytest.mark.parametrize("seed", range(4))
def test_a_frame_asked_for_again_is_the_frame_of_one_who_asks_for_the_first_time(seed: int, tmp_path: Path) -> None:
    """Attempts begin, end in another order, are taken back, are judged late and get lost: a cached frame must not miss any of it."""
    rng, path = Random(seed), str(tmp_path / "books.db")
    running: list[tuple[int, int]] = []
    with contextlib.closing(Books(path, budgets={})) as books:
        for number in range(60):
            running.append((write(books, begun(number)), number))
            while running and rng.random() < 0.5:
                row, of = running.pop(rng.randrange(len(running)))
                if rng.random() < 0.2:
                    write(books, taken_back(of))
                else:
                    write(books, ended(row, rng))
            if rng.random() < 0.3:
                write(books, judged(rng.randrange(number + 1)))
            if rng.random() < 0.4:
                pd.testing.assert_frame_equal(frame(books), from_scratch(path))
        pd.testing.assert_frame_equal(frame(books), from_scratch(path))


def test_a_frame_is_its_owners(tmp_path: Path) -> None:
    """What is written into one frame is not in the next, and what happens later is not in the one at hand."""
    rng = Random(1)
    with contextlib.closing(Books(str(tmp_path / "books.db"), budgets={})) as books:
        rows = [write(books, begun(number)) for number in range(3)]
        write(books, ended(rows[0], rng))
        first = frame(books)
        before = first.copy(deep=True)
        write(books, ended(rows[1], rng))
        second = frame(books)
        pd.testing.assert_frame_equal(first, before)
        for name, value in {"queue_s": 9.0, "input_tokens": 9, "error": "mine", "attempt": 9, "time": FIRST, "model": "dear"}.items():
            second.loc[0, name] = value
        pd.testing.assert_frame_equal(first, before)
        third = frame(books)
        assert (third.loc[0, "attempt"], third.loc[0, "time"]) == (1, FIRST)
        assert pd.isna(third.loc[0, "queue_s"])
        pd.testing.assert_frame_equal(third, from_scratch(books.path))


def test_frames_that_share_their_memory_are_their_owners_too(tmp_path: Path) -> None:
    """While nothing runs a frame is a look into the same memory as the one before: neither must be seen in the other."""
    with contextlib.closing(Books(str(tmp_path / "books.db"), budgets={})) as books:
        held: list[tuple[pd.DataFrame, pd.DataFrame]] = []
        for number in range(12):
            end = attempt(
                model=f"model-{number % 5}", input_tokens=None if number % 2 else number, error_type="Unavailable" if number > 7 else None
            )
            row = write(books, begun(number, task=f"it's, task {number // 3}", agent=None if number < 5 else "NULL"))
            write(books, partial(ledger.finish, row=row, attempt=end))
            found = frame(books)
            pd.testing.assert_frame_equal(found, from_scratch(books.path))
            held.append((found, found.copy(deep=True)))
        shared = [
            np.shares_memory(held[-2][0][name].to_numpy(), held[-1][0][name].to_numpy()) for name in ("attempt", "queue_s", "cost_usd")
        ]
        assert all(shared), "nothing is copied for a new row"
        for found, before in held:
            pd.testing.assert_frame_equal(found, before)
        values = {"queue_s": 9.0, "input_tokens": 9, "error": "mine", "attempt": 9, "time": FIRST, "tier": "paid", "tokens_estimated": True}
        for name, value in values.items():
            held[0][0].loc[0, name] = value
        for found, before in held[1:]:
            pd.testing.assert_frame_equal(found, before)
        pd.testing.assert_frame_equal(frame(books), from_scratch(books.path))


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    """A million rows are not read again because of one."""
    asked: list[str] = []
    with contextlib.closing(Books(str(tmp_path / "books.db"), budgets={})) as books:
        for number in range(50):
            write(books, ended(write(books, begun(number)), Random(number)))
        frame(books)
        row = write(books, begun(50))
        look = books.read

        def watched(work: Callable[[sqlite3.Connection], Any]) -> Any:  # noqa: ANN401
            def inner(connection: sqlite3.Connection) -> Any:  # noqa: ANN401
                connection.set_trace_callback(asked.append)
                return work(connection)

            return look(inner)

        books.read = watched  # type: ignore[method-assign, assignment]  # to listen, not to change what it does
        frame(books)
    assert any(f"id > {row - 1}" in query for query in asked)


def test_other_books_in_the_same_place_are_read_from_their_beginning(tmp_path: Path) -> None:
    """Someone moved the file away to start anew while the notebook was open."""
    path = tmp_path / "books.db"
    with contextlib.closing(Books(str(path), budgets={})) as books:
        for number in range(3):
            write(books, ended(write(books, begun(number)), Random(0)))
        assert len(frame(books)) == 3
        write(books, lambda connection: connection.execute("DELETE FROM attempts"))
        for number in range(10, 14):
            write(books, ended(write(books, begun(number)), Random(0)))
        assert frame(books)["request_id"].tolist() == ["r10", "r11", "r12", "r13"]
