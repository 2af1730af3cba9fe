"""The books: what is written is kept, whatever happens to the process, the disk or the file."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from making import attempt

from routebook.books.books import Books
from routebook.books.ledger import attempts_of, set_feedback
from routebook.config.values import Budget
from routebook.errors import BooksError, BudgetExceeded
from routebook.messages import Attempt

WRITE_ROWS = """
import asyncio, sys
from making import attempt
from routebook.books.books import Books

async def main(path, name, rows):
    books = Books(path, budgets={})
    for number in range(int(rows)):
        begun = attempt(request_id=f"{name} {number}", status="running", cost_usd=None)
        row = await books.start(begun, need_usd=None)
        await books.finish(row, attempt(request_id=f"{name} {number}"))
        print(number, flush=True)
    books.close()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where no books are yet."""
    return str(tmp_path / "books.db")


@pytest.fixture
def books(path: str) -> Iterator[Books]:
    """Fresh books without budgets."""
    opened = Books(path, budgets={})
    yield opened
    opened.close()


def begin(**changes: Any) -> Attempt:  # noqa: ANN401
    """A row as it is when the attempt starts."""
    return attempt(status="running", cost_usd=None, input_tokens=None, output_tokens=None, finish_reason=None, **changes)


async def enter(books: Books, **changes: Any) -> None:  # noqa: ANN401
    """Start an attempt and finish it."""
    at_start = {name: value for name, value in changes.items() if name in ("request_id", "attempt", "reason")}
    row = await books.start(begin(**at_start), need_usd=None)
    await books.finish(row, attempt(**changes))


def count(books: Books, where: str = "true") -> int:
    """How many rows the ledger has."""
    found: tuple[int] = books.read(lambda connection: connection.execute(f"SELECT count(*) FROM attempts WHERE {where}").fetchone())  # noqa: S608
    return found[0]


def calls_counted(books: Books) -> int:
    """How many attempts the spending counts in total."""
    query = "SELECT coalesce(sum(calls), 0) FROM spending WHERE scope = 'total'"
    found: tuple[int] = books.read(lambda connection: connection.execute(query).fetchone())
    return found[0]


def writing(path: str, name: str, rows: int) -> subprocess.Popen[str]:
    """Another kernel that writes rows, and says so for each."""
    here = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-c", WRITE_ROWS, path, name, str(rows)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": here}, stdout=subprocess.PIPE, text=True)


def allow_pages(books: Books, pages: int) -> None:
    """Let the file grow to so many pages, but not be smaller than it is: a full disk, as SQLite has it."""
    books._writer.read(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone())


def test_an_attempt_is_read_as_it_was_written(books: Books) -> None:
    """What the books change on the way, every chart and every total has wrong."""
    written = attempt(
        notebook="a.ipynb", cell_id="c1", agent="coder", pool="fast", error_type="Unavailable", error="p: über 🐈", queue_s=0.25, ttft_s=0.5,
        latency_s=1.5, cached_tokens=7, tokens_estimated=True, baseline_usd=Decimal("0.000000000001"), reason="because",
    )  # fmt: skip

    async def main() -> None:
        row = await books.start(begin(notebook="a.ipynb", cell_id="c1", agent="coder", pool="fast", reason="because"), need_usd=None)
        await books.finish(row, written)

    asyncio.run(main())
    assert books.read(attempts_of) == [written]


def test_what_is_unknown_stays_unknown(books: Books) -> None:
    """A price of nothing and no price are two things."""
    asyncio.run(enter(books, cost_usd=None, input_tokens=None, output_tokens=None))
    (row,) = books.read(attempts_of)
    assert (row.cost_usd, row.baseline_usd, row.input_tokens, row.output_tokens) == (None, None, None, None)


def test_feedback_goes_to_the_attempt_that_answered(books: Books) -> None:
    """Good and bad are said of an answer, not of the failures before it."""

    async def main() -> int:
        await enter(books, attempt=1, status="error")
        await enter(books, attempt=2)
        return await books.write(lambda connection: set_feedback(connection, "r1", 1.0))

    assert asyncio.run(main()) == 1
    assert [row.feedback for row in books.read(attempts_of)] == [None, 1.0]


def test_one_that_may_not_be_sent_does_not_keep_the_others_from_being_written(path: str) -> None:
    """Fifty cells share one commit; the fifty-first's budget is its own affair."""
    books = Books(path, budgets={"dear": Budget(daily=Decimal(1), unpriced=True)})

    async def main() -> list[int | BaseException]:
        needs = [Decimal(2) if number == 7 else None for number in range(20)]
        return await asyncio.gather(*(books.start(begin(), need_usd=need) for need in needs), return_exceptions=True)

    results = asyncio.run(main())
    assert [number for number, result in enumerate(results) if isinstance(result, BudgetExceeded)] == [7]
    assert count(books) == 19
    books.close()


def test_the_end_of_an_attempt_is_written_though_its_task_is_cancelled(books: Books) -> None:
    """The stop button cancels the waiting, not the books."""

    async def main() -> None:
        row = await books.start(begin(), need_usd=Decimal(1))
        task = asyncio.create_task(books.finish(row, attempt(status="cancelled")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    books.close()
    assert count(books, "status = 'cancelled' AND reserved_pusd = 0") == 1


def test_an_attempt_cancelled_while_it_is_being_entered_leaves_nothing_reserved(path: str) -> None:
    """A reservation without an attempt would eat the budget until someone edits the database."""
    books = Books(path, budgets={"total": Budget(daily=Decimal(1), unpriced=True)})

    async def main() -> None:
        await enter(books)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # the writer waits for it, so that the row is still on its way
        task = asyncio.create_task(books.start(begin(request_id="r2"), need_usd=Decimal("0.6")))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        other.execute("COMMIT")
        other.close()
        await books.start(begin(request_id="r3"), need_usd=Decimal("0.6"))

    asyncio.run(main())
    assert count(books, "request_id = 'r2'") == 0
    assert count(books, "status = 'running'") == 1
    books.close()


def test_two_processes_that_write_at_once_lose_nothing(path: str) -> None:
    """Several notebooks share one file every day."""
    kernels = [writing(path, name, 200) for name in ("one", "two")]
    for kernel in kernels:
        kernel.communicate(timeout=60)
        assert kernel.returncode == 0
    books = Books(path, budgets={})
    assert count(books, "status = 'ok'") == 400
    assert calls_counted(books) == 400
    books.close()


def test_a_killed_process_leaves_books_that_open_with_all_that_was_finished(path: str) -> None:
    """A kernel dies at any moment; what it had written is the user's money."""
    for name, after in (("one", 3), ("two", 17), ("three", 40)):
        kernel = writing(path, name, 1_000_000)
        assert kernel.stdout is not None
        finished = [next(kernel.stdout) for _ in range(after)]
        kernel.send_signal(signal.SIGKILL)
        finished += list(kernel.stdout)
        kernel.wait()
        kernel.stdout.close()
        books = Books(path, budgets={})
        assert books.read(lambda connection: connection.execute("PRAGMA integrity_check").fetchone()) == ("ok",)
        assert count(books, f"status = 'ok' AND request_id LIKE '{name} %'") >= len(finished)
        assert count(books, "status = 'ok'") == calls_counted(books)
        asyncio.run(enter(books, request_id="after"))
        books.close()


def test_books_in_memory_make_no_file(tmp_path: Path) -> None:
    """`:memory:` is for those who want none."""
    books = Books(":memory:", budgets={})
    asyncio.run(enter(books))
    assert count(books) == 1
    books.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["home"]


def test_a_lock_held_for_a_while_is_waited_for_and_the_loop_goes_on(books: Books, path: str) -> None:
    """Someone looks into the books with another program; the cells keep streaming meanwhile."""

    async def main() -> int:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(enter(books))
        ticks = 0
        while ticks < 20:
            await asyncio.sleep(0.005)
            ticks += 1
        assert not task.done()
        other.execute("COMMIT")
        other.close()
        await task
        return count(books)

    assert asyncio.run(main()) == 1


def test_a_lock_held_too_long_is_said_and_the_end_of_an_attempt_is_kept(books: Books, path: str) -> None:
    """Nothing recorded is lost: what could not be written is written as soon as it can be."""

    async def main() -> None:
        await books.write(lambda connection: connection.execute("PRAGMA busy_timeout = 30"))
        row = await books.start(begin(), need_usd=Decimal(1))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BooksError, match="were locked by another program"):
            await books.start(begin(request_id="r2"), need_usd=None)
        (note,) = await books.finish(row, attempt())
        assert "were locked by another program" in note
        other.execute("COMMIT")
        other.close()
        await enter(books, request_id="r3")

    asyncio.run(main())
    assert count(books, "status = 'ok'") == 2
    assert count(books, "reserved_pusd > 0") == 0
    assert calls_counted(books) == 2


def test_a_full_disk_is_said_and_what_was_under_way_is_written_once_there_is_room(books: Books) -> None:
    """Fifty cells end while the disk is full: each is counted, each once, whoever starts first when there is room again."""
    long = "x" * 5000  # does not fit into the pages there are

    async def main() -> None:
        under_way = [await books.start(begin(request_id=f"r{number}"), need_usd=Decimal("0.01")) for number in range(50)]
        allow_pages(books, 1)
        with pytest.raises(BooksError, match="the disk is full"):
            await books.start(begin(request_id="x", reason=long), need_usd=None)
        notes = await asyncio.gather(*(books.finish(row, attempt(request_id="r", error=long)) for row in under_way))
        assert all("the disk is full" in note for (note,) in notes)
        allow_pages(books, 1_000_000)
        await asyncio.gather(*(enter(books, request_id=f"s{number}") for number in range(10)))

    asyncio.run(main())
    assert count(books, "status = 'ok'") == 60
    assert count(books, "reserved_pusd > 0") == 0
    assert calls_counted(books) == 60


def test_what_could_not_be_written_is_written_when_the_books_are_closed(path: str) -> None:
    """The last cell of the day ended while the disk was full."""
    books = Books(path, budgets={})

    async def main() -> None:
        row = await books.start(begin(), need_usd=Decimal(1))
        allow_pages(books, 1)
        assert await books.finish(row, attempt(error="x" * 5000))
        allow_pages(books, 1_000_000)

    asyncio.run(main())
    books.close()
    assert count(books, "status = 'ok' AND reserved_pusd = 0") == 1
    assert calls_counted(books) == 1


def test_closing_says_what_it_could_not_write(path: str) -> None:
    """Lost silently is the worst way to lose."""
    others = set(threading.enumerate())
    books = Books(path, budgets={})

    async def main() -> None:
        row = await books.start(begin(), need_usd=Decimal(1))
        allow_pages(books, 1)
        assert await books.finish(row, attempt(error="x" * 5000))

    asyncio.run(main())
    with pytest.raises(BooksError, match=r"1 attempts ended that are not in the books.*the disk is full"):
        books.close()
    assert not [thread for thread in set(threading.enumerate()) - others if thread.name == "routebook-books"]


def test_closed_books_say_so(books: Books) -> None:
    """A cell that runs on while its router is closed gets an error of ours, not a riddle; closing twice does no harm."""
    books.close()
    books.close()
    with pytest.raises(BooksError, match="are closed"):
        asyncio.run(enter(books))


def test_reading_does_not_wait_for_a_write(books: Books, path: str) -> None:
    """A chart is drawn while fifty cells run."""
    asyncio.run(enter(books))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE attempts SET status = 'lost'")
    assert count(books, "status = 'ok'") == 1
    other.execute("ROLLBACK")
    other.close()


def test_reading_cannot_write(books: Books) -> None:
    """A chart's query must not be able to change the books."""
    asyncio.run(enter(books))
    with pytest.raises(BooksError, match="read-only"):
        books.read(lambda connection: connection.execute("DELETE FROM attempts"))
