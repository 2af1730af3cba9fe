"""The ledger as a tidy frame: one row for each attempt, typed so that it groups, plots and saves without repair.

What was read once is kept with the books: asked again, only what is new or was still running is read.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from routebook.books import reading
from routebook.books.books import Books
from routebook.tables.columns import Counts, Names, Numbers, Texts, Times

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

ORDER: Final = (
    "time", "request_id", "attempt", "kind", "notebook", "cell_id", "task", "complexity", "strength", "route", "agent", "priority",
    "model", "provider", "tier", "pool", "status", "error_type", "error", "queue_s", "ttft_s", "latency_s",
    "input_tokens", "cached_tokens", "output_tokens", "tokens_estimated", "cost_usd", "baseline_usd", "finish_reason", "feedback", "reason",
)  # fmt: skip
"""The columns, as `docs/frame.md` lists them: when and where, what, by whom, how it ended, what it took."""
CATEGORIES: Final = (
    "kind", "notebook", "cell_id", "task", "route", "agent", "priority", "model", "provider", "tier", "pool", "status",
    "error_type", "finish_reason",
)  # fmt: skip
PICO: Final = 1e12
KINDS: Final[dict[str, Callable[[], Numbers | Names | Texts]]] = {
    **dict.fromkeys(CATEGORIES, Names),
    **dict.fromkeys(("request_id", "error", "reason"), Texts),
    **dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens"), Counts),
    **dict.fromkeys(("complexity", "strength", "queue_s", "ttft_s", "latency_s", "feedback"), Numbers),
    **dict.fromkeys(("cost_usd", "baseline_usd"), lambda: Numbers(unit=PICO)),
    "time": Times,
    "attempt": lambda: Numbers("int64"),
    "tokens_estimated": lambda: Numbers("bool"),
}


class _Kept:
    """The columns as far as they were read."""

    def __init__(self) -> None:
        self.ids = Numbers("int64")
        self.times = Times()
        self.feedback = Numbers()
        self.columns: dict[str, Numbers | Names | Texts] = {name: KINDS[name]() for name in ORDER}
        self.columns |= {"time": self.times, reading.FEEDBACK: self.feedback}
        self.stable = 0
        """Rows that have ended, and all before them have: they are not read again."""
        self.frame: pd.DataFrame | None = None
        """What was made of them last; it never leaves this file, so nobody writes to it."""

    def read(self, connection: sqlite3.Connection) -> pd.DataFrame:
        """Read what is new, at one moment."""
        connection.execute("BEGIN")
        try:
            after = self._bookmark(connection)
            for ids, columns in reading.parts(connection, after=after):
                self.ids.add(ids)
                for name, part in zip(reading.READ, columns, strict=True):
                    self.columns[name].add(part)
            self._join(feedback=reading.feedback(connection), running=reading.first_running(connection))
        finally:
            connection.execute("COMMIT")
        return pd.DataFrame({name: column.typed() for name, column in self.columns.items()}, copy=False)

    def _bookmark(self, connection: sqlite3.Connection) -> int:
        """The row to read on from: behind what is stable, or the first when these are other books now."""
        if self.stable and not reading.is_there(
            connection, row=int(self.ids.data[self.stable - 1]), time=int(self.times.data[self.stable - 1])
        ):
            self.stable = 0
        return int(self.ids.data[self.stable - 1]) if self.stable else 0

    def _join(self, *, feedback: list[tuple[int, float]], running: int | None) -> None:
        for column in (self.ids, *self.columns.values()):
            if column is not self.feedback:
                column.join(self.stable)
        ids = self.ids.data
        self.feedback.data = np.full(len(ids), np.nan)
        if feedback:
            rows, values = zip(*feedback, strict=True)
            self.feedback.data[np.searchsorted(ids, rows)] = values
        self.stable = len(ids) if running is None else int(np.searchsorted(ids, running))


_KEPT: Final[WeakKeyDictionary[Books, _Kept]] = WeakKeyDictionary()
_READING: Final = threading.Lock()


def frame(books: Books) -> pd.DataFrame:
    """Return all attempts, in the order they were made.

    Columns and types: `time` is `datetime64[us, UTC]`; names are categories; token counts are nullable integers; seconds, scores and
    dollars are floats, NaN where unknown (an unknown price is not a price of 0); `tokens_estimated` is bool. Feedback is 1 good, 0 bad.
    The frame is the caller's own: what is changed in it is not seen by the next.

    Raises:
        BooksError: the books cannot be read.
    """
    with _READING:
        kept = _KEPT.pop(books, None) or _Kept()
        made = books.read(kept.read)
        kept.frame = made
        _KEPT[books] = kept  # not before: half of what a broken read took in would be in the next frame
        return made.copy(deep=False)  # pandas copies a column as soon as one of the two is written to
