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
from routebook.tables.columns import Counts, Numbers, Texts, Times
from routebook.tables.together import Together

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

ORDER: Final = (
    "time", "request_id", "attempt", "kind", "notebook", "cell_id", "task", "complexity", "strength", "route", "agent", "priority",
    "model", "provider", "tier", "pool", "status", "error_type", "error", "queue_s", "ttft_s", "latency_s",
    "input_tokens", "cached_tokens", "output_tokens", "tokens_estimated", "cost_usd", "baseline_usd", "finish_reason", "feedback", "reason",
)  # fmt: skip
"""The columns, as `docs/frame.md` lists them: when and where, what, by whom, how it ended, what it took."""
PICO: Final = 1e12
ROOM: Final = 4096
"""Rows for which there is always room at first, before the memory has to move."""
KINDS: Final[dict[str, Callable[[], Numbers | Texts]]] = {
    **dict.fromkeys(("request_id", "error", "reason"), Texts),
    **dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens"), Counts),
    **dict.fromkeys(("complexity", "strength", "queue_s", "ttft_s", "latency_s"), Numbers),
    **dict.fromkeys(("cost_usd", "baseline_usd"), lambda: Numbers(unit=PICO)),
    "time": Times,
}
"""The columns that are read alone."""
MADE_ANEW: Final = tuple(name for name in ORDER if name in ("time", "request_id", "error", "feedback", "reason"))
"""The columns that no frame shares with the next."""


class _Kept:
    """The columns as far as they were read."""

    def __init__(self) -> None:
        self.ids, self.times = Numbers("int64"), Times()
        self.groups = [Together(names) for names in reading.TOGETHER]
        self.alone: dict[str, Numbers | Texts] = {name: KINDS[name]() for name in reading.ALONE} | {"time": self.times}
        self.stable = 0
        """Rows that have ended, and all before them have: they are not read again."""
        self.whole: pd.DataFrame | None = None
        """The memory of the columns with the room behind them. All frames are its slices, so pandas knows that they share it and copies a
        column before anyone writes to it."""

    def read(self, connection: sqlite3.Connection) -> pd.DataFrame:
        """Read what is new, at one moment."""
        connection.execute("BEGIN")
        try:
            after, old = self._bookmark(connection), self.ids.size
            fresh = 0
            for part in reading.parts(connection, after=after):
                fresh += len(part[0])
                for column, values in zip((self.ids, *self.groups, *self.alone.values()), part, strict=True):
                    column.add(values)
            feedback, running = reading.feedback(connection), reading.first_running(connection)
        finally:
            connection.execute("COMMIT")
        self._join(fresh, has_moved=self.stable < old or self.stable + fresh > len(self.ids.memory))
        self.stable = self.ids.size if running is None else int(np.searchsorted(self.ids.data, running))
        return self._frame(feedback)

    def _bookmark(self, connection: sqlite3.Connection) -> int:
        """The row to read on from: behind what is stable, or the first when these are other books now."""
        if self.stable and not reading.is_there(
            connection, row=int(self.ids.data[self.stable - 1]), time=int(self.times.data[self.stable - 1])
        ):
            self.stable = 0
        return int(self.ids.data[self.stable - 1]) if self.stable else 0

    def _join(self, fresh: int, *, has_moved: bool) -> None:
        """Put what was read behind what is stable; in new memory when there is no room, or when a frame has rows that are others now."""
        columns: tuple[Numbers | Texts, ...] = (self.ids, *self.groups, *self.alone.values())
        size = self.stable + fresh
        for column in columns:
            if has_moved and isinstance(column, Numbers):
                column.move(self.stable, size + size // 8 + ROOM)
            column.join(self.stable)
        changed = {name: values for group in self.groups for name, values in group.changed(self.stable)}
        if has_moved or self.whole is None:
            same = {name: column.typed() for name, column in self.alone.items() if name not in MADE_ANEW}
            both = changed | same
            self.whole = pd.DataFrame({name: both[name] for name in ORDER if name in both}, copy=False)
        elif changed:
            index = self.whole.index
            # The other columns stay shared; an array would be copied, a series is not.
            self.whole = self.whole.assign(**{name: pd.Series(values, index=index, copy=False) for name, values in changed.items()})

    def _frame(self, feedback: list[tuple[int, float]]) -> pd.DataFrame:
        assert self.whole is not None  # noqa: S101  for mypy: it was joined
        judged = np.full(self.ids.size, np.nan)
        if feedback:
            rows, values = zip(*feedback, strict=True)
            judged[np.searchsorted(self.ids.data, rows)] = values
        made = self.whole.iloc[: self.ids.size]
        for name in MADE_ANEW:
            made.insert(ORDER.index(name), name, judged if name == reading.FEEDBACK else self.alone[name].typed())
        return made


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
        _KEPT[books] = kept  # not before: half of what a broken read took in would be in the next frame
        return made
