"""What a killed process left behind goes free."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from making import attempt

from routebook.books.books import Books
from routebook.books.claims import Admitted, Claim, Scope, Wait
from routebook.books.glance import caps
from routebook.books.ledger import attempts_of
from routebook.books.pools import TokenPool, states
from routebook.config.values import Budget
from routebook.errors import BudgetExceeded

BUDGETS = {"total": Budget(daily=Decimal(1))}
HOLDS_ON = """
import asyncio, sys, time
sys.path.insert(0, sys.argv[2])
from decimal import Decimal
from making import attempt
from routebook.books.books import Books
from routebook.config.values import Budget

async def main():
    books = Books(sys.argv[1], budgets={"total": Budget(daily=Decimal(1))})
    await books.start(attempt(status="running", cost_usd=None), need_usd=Decimal("0.9"))
    print("reserved", flush=True)
    time.sleep(60)

asyncio.run(main())
"""


@contextlib.contextmanager
def left_by_a_killed_kernel(path: Path) -> Iterator[Clock]:
    """Books in which a kernel reserved $0.90 of a daily $1 and was killed; the clock is that of those who come after it."""
    with subprocess.Popen([sys.executable, "-c", HOLDS_ON, path, Path(__file__).parent], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"reserved\n"
        other.kill()
        other.wait()
    yield Clock()


class Clock:
    """A wall clock that begins in the hour of `making.attempt`."""

    def __init__(self) -> None:
        """It is noon."""
        self.now = dt.datetime(2026, 11, 21, 12, 30, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        """The time."""
        return self.now


async def reserve(books: Books, usd: str) -> int:
    """Begin an attempt that may cost so much."""
    return await books.start(attempt(request_id="r2", status="running", cost_usd=None), need_usd=Decimal(usd))


def test_what_a_killed_kernel_had_reserved_may_have_been_billed_and_counts(tmp_path: Path) -> None:
    """The provider bills a call whether or not we hear its end: to forget it would be to overspend by it."""
    path = tmp_path / "books.db"
    with left_by_a_killed_kernel(path) as clock, contextlib.closing(Books(str(path), budgets=BUDGETS, now=clock)) as books:
        with pytest.raises(BudgetExceeded, match=r"\$0\.9.* is spent or reserved"):
            asyncio.run(reserve(books, "0.5"))
        asyncio.run(reserve(books, "0.05"))
        (lost,) = books.read(lambda connection: attempts_of(connection, "r1"))
        (cap,) = books.read(lambda connection: tuple(caps(connection, BUDGETS, notebook=None, now=clock.now)))
    assert (lost.status, lost.cost_usd) == ("lost", None)
    assert lost.error == "its process ended; what it cost is unknown, and the caps count the most it may: $0.9000"
    assert (cap.lost, cap.lost_usd, cap.spent_usd, cap.reserved_usd) == (1, Decimal("0.9"), Decimal(0), Decimal("0.05"))
    assert cap.left_usd == Decimal("0.05")


def test_a_killed_kernel_does_not_hold_its_budget_for_ever(tmp_path: Path) -> None:
    """It counts on the day of the call, whenever the next kernel finds it, and nothing stays reserved."""
    path = tmp_path / "books.db"
    with left_by_a_killed_kernel(path) as clock, contextlib.closing(Books(str(path), budgets=BUDGETS, now=clock)) as books:
        clock.now += dt.timedelta(days=1)
        asyncio.run(reserve(books, "0.95"))
        held = books.read(
            lambda connection: connection.execute("SELECT sum(reserved_pusd) FROM attempts WHERE request_id = 'r1'").fetchone()
        )
    assert held == (0,)


def test_the_tokens_of_a_lost_call_count_in_its_pool(tmp_path: Path) -> None:
    """Twenty million tokens are gone when they were sent, whoever heard of it."""
    path = str(tmp_path / "books.db")
    clock, zen = Clock(), TokenPool(name="zen", tokens=1000, per="day", alerts=(), models=frozenset({"dear"}))
    with contextlib.closing(Books(path, budgets={}, now=clock)) as books:
        books.pools = (zen,)
        begun = books.admit(attempt(status="running", cost_usd=None), need_usd=None, claim=Claim(scopes=(), input_tokens=1, tokens=700))
        assert isinstance(asyncio.run(begun), Admitted)
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE sessions SET pid = ?", (_dead(),))
    with contextlib.closing(Books(path, budgets={}, now=clock)) as books:
        books.pools = (zen,)
        asyncio.run(reserve(books, "0"))
        (state,) = books.read(lambda connection: tuple(states(connection, books.pools, now=clock.now)))
    assert (state.used, state.lost, state.reserved, state.left) == (700, 700, 0, 300)


def _dead() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
        return ended.pid


@pytest.mark.skipif(sys.platform != "linux", reason="only there a process tells its age")
@pytest.mark.parametrize("how", ["young", "not collected"])
def test_a_number_that_now_belongs_to_another_process_does_not_hold_a_place(tmp_path: Path, how: str) -> None:
    """Numbers of processes are given anew after a restart, and a killed one keeps its own until its parent looks."""
    with (
        contextlib.closing(Books(str(tmp_path / "books.db"), budgets={})) as books,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child,
    ):
        if how == "not collected":
            child.kill()
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        scope = Scope(name="p/m", label="m", max_concurrent=1)
        claim = Claim(scopes=(scope, Scope(name="p", label="p")), input_tokens=1, tokens=1)

        async def main() -> Admitted | Wait:
            now = books.steady()
            seen = now - 30_000_000 if how == "young" else now

            def left_behind(connection: sqlite3.Connection) -> None:
                connection.execute("INSERT INTO sessions VALUES ('gone', ?, 0, ?)", (child.pid, seen))
                connection.execute("INSERT INTO leases VALUES (7, 'gone', 'p', 'p/m', 1, ?)", (now,))

            await books.start(attempt(request_id="r0", status="running"), need_usd=None)
            await books.write(left_behind)
            return await books.admit(attempt(status="running"), need_usd=None, claim=claim)

        assert isinstance(asyncio.run(main()), Admitted)
        child.kill()
