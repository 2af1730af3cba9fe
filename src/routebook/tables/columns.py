"""Columns of the frame as they grow: what was read stays, what is new is put behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd


class Numbers:
    """Floats, NaN where unknown; or whole numbers and truths, which are never unknown."""

    def __init__(self, dtype: str = "float64", *, unit: float = 1.0) -> None:
        """`unit` is what the stored values are divided by."""
        self.data: npt.NDArray[Any] = np.empty(0, dtype=dtype)
        self._fresh: list[npt.NDArray[Any]] = []
        self._unit = unit

    def add(self, part: Sequence[Any]) -> None:
        """Take in what was read next, in the memory that it needs at last."""
        values = np.array(part, dtype=self.data.dtype)
        self._fresh.append(values if self._unit == 1.0 else values / self._unit)

    def join(self, keep: int) -> None:
        """Put what was taken in behind so many of the old rows; the old column stays as it was, because frames were made of it."""
        self.data = np.concatenate([self.data[:keep], *self._fresh])
        self._fresh.clear()

    def typed(self) -> Any:  # noqa: ANN401  what a frame takes
        """The column as pandas has it best."""
        return self.data


class Times(Numbers):
    """Microseconds since 1970, as times in UTC."""

    def __init__(self) -> None:
        """No times yet."""
        super().__init__("int64")

    def typed(self) -> Any:  # noqa: ANN401
        """As `datetime64[us, UTC]`."""
        return pd.DatetimeIndex(self.data.view("datetime64[us]")).tz_localize("UTC")


class Counts(Numbers):
    """Whole numbers that may be unknown."""

    def typed(self) -> Any:  # noqa: ANN401
        """As `Int64`."""
        unknown = np.isnan(self.data)
        return pd.arrays.IntegerArray(np.where(unknown, 1.0, self.data).astype("int64"), unknown)


class Texts:
    """Texts of which nearly each is another."""

    def __init__(self) -> None:
        """No text yet."""
        self._values = pd.Series([], dtype="str")
        self._fresh: list[pd.Series] = []

    def add(self, part: Sequence[Any]) -> None:
        """As `Numbers.add`."""
        self._fresh.append(pd.Series(part, dtype="str"))

    def join(self, keep: int) -> None:
        """As `Numbers.join`."""
        self._values = pd.concat([self._values.iloc[:keep], *self._fresh], ignore_index=True)
        self._fresh.clear()

    def typed(self) -> Any:  # noqa: ANN401
        """As pandas' `str`."""
        return self._values.array


class _Codes(dict[Any, int]):
    """A number for each name, in the order in which they were first seen; -1 for none."""

    def __missing__(self, name: str) -> int:
        self[name] = code = len(self) - 1
        return code


class Names:
    """Texts of which there are few."""

    def __init__(self) -> None:
        """No name yet."""
        self._codes = _Codes({None: -1})
        self._values = np.empty(0, dtype="int32")
        self._fresh: list[npt.NDArray[np.int32]] = []

    def add(self, part: Sequence[Any]) -> None:
        """As `Numbers.add`."""
        self._fresh.append(np.fromiter(map(self._codes.__getitem__, part), dtype="int32", count=len(part)))

    def join(self, keep: int) -> None:
        """As `Numbers.join`."""
        self._values = np.concatenate([self._values[:keep], *self._fresh])
        self._fresh.clear()

    def typed(self) -> Any:  # noqa: ANN401
        """As a category, its names in alphabetical order, none that does not occur."""
        names = np.array([name for name in self._codes if name is not None], dtype=object)
        used = np.zeros(len(names) + 1, dtype=bool)
        used[self._values] = True  # -1 is the last
        order = np.array(sorted(np.flatnonzero(used[:-1]), key=names.__getitem__), dtype="intp")
        place = np.full(len(names) + 1, -1, dtype=np.min_scalar_type(-max(len(order), 1)))
        place[order] = np.arange(len(order))
        return pd.Categorical.from_codes(place[self._values], categories=pd.Index(names[order], dtype="str"), validate=False)
