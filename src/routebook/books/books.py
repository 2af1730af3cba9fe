"""The books as the engine uses them: open, start an attempt, finish it, read."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

from routebook.books import budgets as money
from routebook.books import ledger
from routebook.books.connect import MEMORY, connect_reader, in_our_words
from routebook.books.lost import release_lost
from routebook.books.money import to_pico
from routebook.books.writer import Writer
from routebook.config.values import Budget
from routebook.errors import BooksError, BudgetExceeded
from routebook.messages import Attempt

T = TypeVar("T")


def local_now() -> dt.datetime:
    """The time with the machine's zone."""
    return dt.datetime.now().astimezone()


class Books:
    """One process's view of the books; several may share the file."""

    def __init__(self, path: str, *, budgets: Mapping[str, Budget], now: Callable[[], dt.datetime] = local_now) -> None:
        """Open the books at `path`.

        Raises:
            BooksError: they cannot be opened; says what to do.
        """
        self.path, self.budgets, self._now = path, dict(budgets), now
        self._writer = Writer(path)
        self.session = uuid.uuid4().hex[:12]
        self._is_introduced = False

    async def start(self, attempt: Attempt, *, need_usd: Decimal | None) -> int:
        """Reserve what the call may cost and write its row, in one transaction; return the row's id.

        `need_usd` is the most the call may cost, or `None` when its price is unknown (nothing can be reserved then).

        Raises:
            BudgetExceeded: a cap could be exceeded; nothing was written.
            BooksError: the books cannot be written.
        """
        need = to_pico(need_usd) if need_usd else 0

        def work(connection: sqlite3.Connection) -> int:
            if not self._is_introduced:
                row = (self.session, os.getpid(), round(self._now().timestamp() * 1e6))
                connection.execute("INSERT OR IGNORE INTO sessions VALUES (?, ?, ?)", row)
                release_lost(connection, own=self.session)
            if self.budgets and need_usd != 0:  # what costs nothing exceeds no cap, not even one that is overdrawn
                self._check(connection, attempt, need_pusd=need)
            return ledger.start(connection, attempt, session=self.session, reserved_pusd=need)

        try:
            row = await self._writer.submit(work)
        except asyncio.CancelledError:  # it is on its way to the books, or there already; nothing was sent, so it goes out again
            self._writer.submit(lambda connection: ledger.take_back(connection, attempt, session=self.session), is_kept=True)
            raise
        self._is_introduced = True
        return row

    def _check(self, connection: sqlite3.Connection, attempt: Attempt, *, need_pusd: int) -> None:
        """Keep within every cap; what a process killed meanwhile had reserved does not count."""
        try:
            money.check(connection, attempt, budgets=self.budgets, need_pusd=need_pusd, now=self._now())
        except BudgetExceeded:
            if not release_lost(connection, own=self.session):
                raise
            money.check(connection, attempt, budgets=self.budgets, need_pusd=need_pusd, now=self._now())

    async def finish(self, row: int, attempt: Attempt) -> tuple[str, ...]:
        """Complete the row, count the cost, release the reservation; return what the user should know of it (budget alerts, trouble).

        It is written even when the caller is cancelled while waiting. What cannot be written now (a full disk) is kept and tried again.
        """

        def work(connection: sqlite3.Connection) -> tuple[str, ...]:
            now = self._now()
            ledger.finish(connection, row, attempt)
            money.record(connection, attempt, now=now)
            return money.alerts(connection, attempt, budgets=self.budgets, now=now) if self.budgets else ()

        try:
            return await asyncio.shield(self._writer.submit(work, is_kept=True))
        except BooksError as error:
            return (f"{error} This attempt is kept in memory, and written as soon as it can be.",)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the writer's next transaction."""
        return await self._writer.submit(work)

    def read(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """Call `look` with a connection for reading, from any thread.

        Raises:
            BooksError: they cannot be read.
        """
        if self.path == MEMORY:
            return self._writer.read(look)
        with contextlib.closing(connect_reader(self.path)) as connection, in_our_words(self.path):
            return look(connection)

    def close(self) -> None:
        """Write what waits, then close.

        Raises:
            BooksError: an attempt that ended could not be written at last.
        """
        self._writer.close()
