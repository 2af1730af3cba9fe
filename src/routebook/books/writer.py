"""The one writer: a thread that gathers what is to be written and commits it together.

Gathering makes fifty parallel cells cost one commit, and a lock held by another kernel never stops the event loop.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from routebook.books.connect import connect, in_our_words

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
Waiting = tuple[Work, "asyncio.Future[Any]"]


class Writer:
    """Runs functions over the connection, in the order given, many to a transaction."""

    def __init__(self, path: str) -> None:
        """Open the books and start the thread.

        Raises:
            BooksError: see `connect`.
        """
        self.path = path
        self._connection = connect(path)
        self._waiting: deque[Waiting] = deque()
        self._wake = threading.Condition()
        self._using = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="routebook-books", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Queue `work`; the future, of the running loop, is done once its transaction is committed. An error of `work` is its future's alone.

        Cancelling the future does not call the work back: what was queued is written. `work` must do nothing but use the connection,
        because it runs a second time when its batch has to be taken apart.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._wake:
            if self._is_closed:
                future.set_exception(RuntimeError("the books are closed"))
            else:
                self._waiting.append((work, future))
                self._wake.notify()
        return future

    def read(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """Call `look` with the writer's own connection, between two transactions; for books in memory, which have no other."""
        with self._using, in_our_words(self.path):
            return look(self._connection)

    def close(self) -> None:
        """Write what waits, then close. Safe to call twice, from any thread."""
        with self._wake:
            self._is_closed = True
            self._wake.notify()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._is_closed:
                    self._wake.wait()
                batch = list(self._waiting)
                self._waiting.clear()
            if not batch:
                return
            self._commit(batch)

    def _commit(self, batch: list[Waiting]) -> None:
        try:
            results = self._transact([work for work, _ in batch])
        except Exception as error:  # noqa: BLE001  whatever one of them raised belongs to its future, not to this thread
            if len(batch) == 1:
                _wake_up(batch[0][1].get_loop(), _fail, batch[0][1], error)
            else:
                for one in batch:
                    self._commit([one])
            return
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
        for (_, future), result in zip(batch, results, strict=True):
            by_loop.setdefault(future.get_loop(), []).append((future, result))
        for loop, done in by_loop.items():
            _wake_up(loop, _resolve, done)

    def _transact(self, works: list[Work]) -> list[Any]:
        with self._using, in_our_words(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                results = [work(self._connection) for work in works]
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            return results


def _wake_up(loop: asyncio.AbstractEventLoop, tell: Callable[..., None], *args: object) -> None:
    """Call `tell` on the loop, once for the whole batch; a loop that has ended has nobody left to tell."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(tell, *args)


def _resolve(done: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in done:
        if not future.done():
            future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
