"""The one writer: a thread that gathers what is to be written and commits it together.

Gathering makes fifty parallel cells cost one commit, and a lock held by another kernel never stops the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from routebook.books.connect import connect, in_our_words
from routebook.errors import BooksError

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
REST_S: Final = 0.25
"""The least between two works that were posted. Another kernel looks every 0.1 s whether the books are free."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """Work that waits for its transaction."""

    work: Work
    future: asyncio.Future[Any] | None
    """`None` for what was kept: whoever waited for it has been told."""
    is_kept: bool = False


class Writer:
    """Runs functions over the connection, in the order given, many to a transaction."""

    def __init__(self, path: str) -> None:
        """Open the books and start the thread.

        Raises:
            BooksError: see `connect`.
        """
        self.path = path
        self._connection = connect(path)
        self._waiting: deque[_Entry] = deque()
        self._kept: list[_Entry] = []
        self._posted: dict[Callable[[sqlite3.Connection], bool], None] = {}
        self._rested = 0.0
        self._trouble: BooksError | None = None
        self._wake = threading.Condition()
        self._using = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="routebook-books", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], T], *, is_kept: bool = False) -> asyncio.Future[T]:
        """Queue `work`; the future, of the running loop, is done once its transaction is committed. An error of `work` is its future's alone.

        Cancelling the future does not call the work back: what was queued is written. What cannot be written because of the disk or a lock
        fails; with `is_kept` it is then written with what comes next, in its order. `work` must do nothing but use the connection, because
        it runs a second time when its batch has to be taken apart.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._wake:
            if self._is_closed:
                future.set_exception(BooksError(f"The books at {self.path} are closed. Use the router again: it opens them."))
            else:
                self._waiting.append(_Entry(work, future, is_kept))
                self._wake.notify()
        return future

    def post(self, work: Callable[[sqlite3.Connection], bool]) -> None:
        """Run `work` in a transaction of its own when nothing else waits, and again as long as it returns True. From any thread.

        It is for what may as well be done later, or not at all: nobody hears how it went, and once closed it is not done any more.
        """
        with self._wake:
            self._posted[work] = None
            self._wake.notify()

    def read(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """Call `look` with the writer's own connection, between two transactions; for books in memory, which have no other."""
        with self._using, in_our_words(self.path):
            return look(self._connection)

    def stop(self) -> None:
        """Take nothing more, and write what waits; `is_busy` tells until when. Safe to call twice, from any thread."""
        with self._wake:
            self._is_closed = True
            self._wake.notify()

    @property
    def is_busy(self) -> bool:
        """Whether the thread has not ended."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Write what waits, then close. Safe to call twice, from any thread.

        Raises:
            BooksError: something that was kept could not be written at last.
        """
        self.stop()
        self._thread.join()
        self._connection.close()
        lost, self._kept = self._kept, []
        if lost:
            raise BooksError(
                f"{len(lost)} attempts ended that are not in the books, which are closed now. {self._trouble}"
            ) from self._trouble

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._is_closed and not (self._posted and self._rest_s() <= 0):
                    self._wake.wait(self._rest_s() if self._posted else None)
                is_last = self._is_closed and not self._waiting
                posted = None if self._waiting or is_last or not self._posted or self._rest_s() > 0 else self._posted.popitem()[0]
                batch = [*self._kept, *self._waiting]
                self._waiting.clear()
                self._kept = []
            if batch:
                self._commit(batch)
            if posted is not None:
                self._do(posted)
            if is_last:
                return

    def _do(self, posted: Callable[[sqlite3.Connection], bool]) -> None:
        """Run what was posted, once, and leave the books to other kernels for a while: they cannot get in between two works that follow at once."""
        begun = time.monotonic()
        with contextlib.suppress(Exception):  # whatever it is, the writer goes on
            if self._transact([posted])[0]:
                self.post(posted)
        ended = time.monotonic()
        self._rested = ended + max(REST_S, 4 * (ended - begun))

    def _rest_s(self) -> float:
        """Seconds until what was posted may run."""
        return self._rested - time.monotonic()

    def _commit(self, batch: list[_Entry]) -> None:
        try:
            results = self._transact([entry.work for entry in batch])
        except Exception as error:  # noqa: BLE001  whatever one of them raised belongs to its future, not to this thread
            if len(batch) == 1 or _is_passing(error):
                for entry in batch:
                    self._failed(entry, error)
            else:
                for entry in batch:
                    self._commit([entry])
            return
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
        for entry, result in zip(batch, results, strict=True):
            if entry.future is not None:
                by_loop.setdefault(entry.future.get_loop(), []).append((entry.future, result))
        for loop, done in by_loop.items():
            _wake_up(loop, _resolve, done)

    def _failed(self, entry: _Entry, error: Exception) -> None:
        if entry.is_kept and isinstance(error, BooksError) and _is_passing(error):
            self._trouble = error
            self._kept.append(_Entry(entry.work, None, is_kept=True))
        if entry.future is not None:
            _wake_up(entry.future.get_loop(), _fail, entry.future, error)

    def _transact(self, works: list[Work]) -> list[Any]:
        with self._using, in_our_words(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                results = [work(self._connection) for work in works]
                self._connection.execute("COMMIT")
            except BaseException:  # whatever one of them raised, none of them is half done
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            return results


def _is_passing(error: Exception) -> bool:
    """True for trouble of the disk or a lock, which has nothing to do with the work itself."""
    return isinstance(error.__cause__, sqlite3.OperationalError | OSError)


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
