"""Columns of few values that are read together: each combination has a number, and a row is the number of its combination."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from routebook.tables.columns import Numbers

PLAIN: Final = {"attempt": "int64", "tokens_estimated": "bool"}
"""The columns that are no category."""
_LITERAL: Final = re.compile(r"NULL|-?\d+|'(?:[^']|'')*'")

Value = str | int | None


class _Numbers(dict[str, int]):
    """A number for each combination, in the order in which they were first seen."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[Value, ...]] = []
        """What each is."""

    def __missing__(self, written: str) -> int:
        self[written] = number = len(self)
        self.rows.append(tuple(_value(literal) for literal in _LITERAL.findall(written)))
        return number


def _value(literal: str) -> Value:
    if literal == "NULL":
        return None
    return literal[1:-1].replace("''", "'") if literal[0] == "'" else int(literal)


class Together(Numbers):
    """A group of columns."""

    def __init__(self, names: Sequence[str]) -> None:
        """No row yet."""
        super().__init__("int32")
        self._numbers = _Numbers()
        self._counts = np.zeros(0, dtype="int64")
        self._used: npt.NDArray[np.bool_] | None = None
        self.columns = [Column(name, place) for place, name in enumerate(names)]

    def add(self, part: Sequence[Any]) -> None:
        """As `Numbers.add`."""
        self._fresh.append(np.fromiter(map(self._numbers.__getitem__, part), dtype="int32", count=len(part)))

    def move(self, keep: int, room: int) -> None:
        """As `Numbers.move`."""
        self._counts -= np.bincount(self.memory[keep : self.size], minlength=len(self._counts))
        super().move(keep, room)
        self._used = None  # all columns move

    def join(self, keep: int) -> npt.NDArray[Any]:
        """As `Numbers.join`."""
        fresh = super().join(keep)
        counts = np.bincount(fresh, minlength=len(self._numbers))
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        return fresh

    def changed(self, keep: int) -> Iterator[tuple[str, Any]]:
        """Bring the columns after the join up to date; yield those that have new memory, by name, as pandas has them best."""
        used = self._counts > 0
        is_new = self._used is None or not np.array_equal(used, self._used)
        rows = [row if is_used else None for row, is_used in zip(self._numbers.rows, used, strict=True)] if is_new else []
        for column in self.columns:
            if self._used is None or (is_new and column.look(rows)):
                column.look(rows)
                yield column.name, column.redo(self.data, len(self.memory))
            else:
                column.go_on(self.data, keep)
        self._used = used


class Column:
    """One of them."""

    def __init__(self, name: str, place: int) -> None:
        """Its values are at that place of a combination."""
        self.name, self._place = name, place
        self._names: list[str] | None = None
        self._codes: npt.NDArray[Any] = np.zeros(0, dtype=PLAIN.get(name, "int8"))
        self._memory = self._codes

    def look(self, rows: Sequence[tuple[Value, ...] | None]) -> bool:
        """Note what each combination means; return whether the names are others than before. An unused combination is `None`."""
        values = [None if row is None else row[self._place] for row in rows]
        if self.name in PLAIN:
            self._codes = np.array([value or 0 for value in values], dtype=PLAIN[self.name])
            return False
        names = sorted({str(value) for value in values if value is not None})
        codes: dict[Value, int] = {value: code for code, value in enumerate(names)}
        width = pd.Categorical([], categories=pd.Index(names, dtype="str")).codes.dtype  # another would be copied
        self._codes = np.array([codes.get(value, -1) for value in values], dtype=width)
        is_other, self._names = names != self._names, names
        return is_other

    def redo(self, numbers: npt.NDArray[Any], room: int) -> Any:  # noqa: ANN401  what a frame takes
        """All rows in new memory: names in alphabetical order, none that does not occur."""
        self._memory = np.zeros(room, dtype=self._codes.dtype)
        self._memory[: len(numbers)] = self._codes[numbers]
        if self._names is None:
            return self._memory
        names = pd.Index(self._names, dtype="str")
        return pd.Categorical.from_codes(self._memory, categories=names, validate=False)

    def go_on(self, numbers: npt.NDArray[Any], keep: int) -> None:
        """The rows behind so many."""
        self._memory[keep : len(numbers)] = self._codes[numbers[keep:]]
