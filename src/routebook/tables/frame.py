"""The ledger as a tidy frame: one row for each attempt, typed so that it groups, plots and saves without repair.

What was read once is kept with the books: asked again, only what is new or was still running is read.
"""

from __future__ import annotations

import threading
from itertools import chain
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from routebook.books import packed, reading
from routebook.books.books import Books
from routebook.tables.columns import Counts, Names, Numbers, Texts, Times

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

ORDER: Final = (
    "time", "request_id", "attempt", "kind", "notebook", "cell_id", "step", "task", "complexity", "strength", "route", "agent", "priority",
    "model", "provider", "tier", "pool", "status", "error_type", "error", "queue_s", "ttft_s", "latency_s",
    "input_tokens", "cached_tokens", "output_tokens", "thinking_tokens", "tokens_estimated", "cost_usd", "baseline_usd", "finish_reason",
    "feedback", "reason",
)  # fmt: skip
"""The columns, as `docs/frame.md` lists them: when and where, what, by whom, how it ended, what it took."""
PICO: Final = 1e12
ROOM: Final = 4096
"""Rows for which there is always room at first, before the memory has to move."""
NUMBERS: Final[dict[str, Callable[[], Numbers]]] = {
    **dict.fromkeys(packed.NUMBERS, Numbers),
    **dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens", "thinking_tokens"), Counts),
    **dict.fromkeys(("cost_usd", "baseline_usd"), lambda: Numbers(unit=PICO)),
    "attempt": lambda: Numbers("int64"),
    "tokens_estimated": lambda: Numbers("bool"),
}
TEXTS: Final[dict[str, Callable[[], Names | Texts]]] = {
    **dict.fromkeys(packed.TEXTS, Names),
    **dict.fromkeys(("request_id", "error", "reason"), Texts),
}
MADE_ANEW: Final = tuple(name for name in ORDER if name in ("time", "request_id", "error", "feedback", "reason"))
"""The columns that no frame shares with the next."""


class _Kept:
    """The columns as far as they were read."""

    def __init__(self) -> None:
        self.ids, self.times = Numbers("int64"), Times()
        self.numbers = {name: make() for name, make in NUMBERS.items()}
        self.texts = {name: make() for name, make in TEXTS.items()}
        self.columns: dict[str, Numbers | Texts] = {"time": self.times, **self.numbers, **self.texts}
        self.stable = 0
        """Rows that have ended, and all before them have: they are not read again."""
        self.is_pack_due = False
        """Many rows were read one by one that need not be next time."""
        self.whole: pd.DataFrame | None = None
        """The memory of the columns with the room behind them. All frames are its slices, so pandas knows that they share it and copies a
        column before anyone writes to it."""

    def read(self, connection: sqlite3.Connection) -> pd.DataFrame:
        """Read what is new, at one moment."""
        connection.execute("BEGIN")
        try:
            after = self._begin(connection)
            for part in packed.parts(connection, after=after):
                self._add(part, after)
            feedback, running = reading.feedback(connection), packed.first_running(connection)
            self.is_pack_due = packed.is_due(connection)
        finally:
            connection.execute("COMMIT")
        self._join()
        self.stable = self.ids.size if running is None else int(np.searchsorted(self.ids.data, running))
        return self._frame(feedback)

    def _begin(self, connection: sqlite3.Connection) -> int:
        """Return the row to read on from: behind what is stable, or the first when these are other books now. There is room for what comes.

        It is in new memory when there was no room, or when a frame has rows that are others now.
        """
        if self.stable and not reading.is_there(
            connection, row=int(self.ids.data[self.stable - 1]), time=int(self.times.data[self.stable - 1])
        ):
            self.stable = 0
        after = int(self.ids.data[self.stable - 1]) if self.stable else 0
        most = self.stable + reading.last(connection) - after
        if self.stable < self.ids.size or most > len(self.ids.memory):
            self.whole = None
        room = most + most // 8 + ROOM if self.whole is None else None
        for column in (self.ids, *self.columns.values()):
            column.begin(self.stable, room=room)
        return after

    def _add(self, part: packed.Part, after: int) -> None:
        """Take in the rows of a part that are behind one."""
        ids = np.frombuffer(part.ids, dtype="int64")
        new = slice(int(np.searchsorted(ids, after, side="right")), None)
        self.ids.add(ids[new])
        self.times.add(np.frombuffer(part.times, dtype="int64")[new])
        for name, number in self.numbers.items():
            number.add(np.frombuffer(part.numbers[name], dtype="float64")[new])
        for name, text in self.texts.items():
            words, codes = part.texts[name]
            text.add_coded(words, np.frombuffer(codes, dtype="uint16")[new])

    def _join(self) -> None:
        """All was read: bring the frame of the columns up to date."""
        changed = [name for name, column in self.columns.items() if column.join()]
        if self.whole is None:
            self.whole = pd.DataFrame({name: self.columns[name].typed() for name in ORDER if name not in MADE_ANEW}, copy=False)
        elif changed:
            index = self.whole.index
            # The other columns stay shared; an array would be copied, a series is not.
            self.whole = self.whole.assign(**{name: pd.Series(self.columns[name].typed(), index=index, copy=False) for name in changed})

    def _frame(self, feedback: list[tuple[int, float]]) -> pd.DataFrame:
        assert self.whole is not None  # noqa: S101  for mypy: it was joined
        judged = np.full(self.ids.size, np.nan)
        if feedback:
            flat = np.fromiter(chain.from_iterable(feedback), "float64", 2 * len(feedback))
            judged[np.searchsorted(self.ids.data, flat[::2].astype("int64"))] = flat[1::2]
        made = self.whole.iloc[: self.ids.size]
        for name in MADE_ANEW:
            made.insert(ORDER.index(name), name, judged if name == "feedback" else self.columns[name].typed())
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
        if kept.is_pack_due:
            books.pack()
        return made
