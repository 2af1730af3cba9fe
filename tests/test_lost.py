"""What a killed process left behind goes free."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from making import attempt

from routebook.books.books import Books
from routebook.books.claims import Admitted, Claim, Scope, Wait
from routebook.books.ledger import attempts_of
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


def test_a_killed_kernel_does_not_hold_its_budget_for_ever(tmp_path: Path) -> None:
    """Restarting a kernel in the middle of a cell is enough to leave a reservation behind."""
    path = tmp_path / "books.db"

    async def reserve(books: Books) -> None:
        await books.start(attempt(request_id="r2", status="running", cost_usd=None), need_usd=Decimal("0.5"))

    with subprocess.Popen([sys.executable, "-c", HOLDS_ON, path, Path(__file__).parent], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"reserved\n"
        with contextlib.closing(Books(str(path), budgets=BUDGETS)) as books:
            with pytest.raises(BudgetExceeded):
                asyncio.run(reserve(books))  # while it lives, what it reserved is its own
            other.kill()
            other.wait()
            asyncio.run(reserve(books))
            (lost,) = books.read(lambda connection: attempts_of(connection, "r1"))
    assert (lost.status, lost.cost_usd) == ("lost", None)


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
