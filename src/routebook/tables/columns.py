"""Columns of the frame as they grow: what was read stays where it is, and what is new is put behind it, where there is room for more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from routebook.tables import accessor  # noqa: F401  whoever has a frame of these columns has `frame.route`

TEXTS_AT_ONCE: Final = 16_384


class Numbers:
    """Floats, NaN where unknown; or whole numbers and truths, which are never unknown.

    Frames look into `memory`, so a row of it that any of them has is never written again.
    """

    def __init__(self, dtype: str = "float64", *, unit: float = 1.0) -> None:
        """`unit` is what the stored values are divided by."""
        self.memory: npt.NDArray[Any] = np.zeros(0, dtype=dtype)
        self.size = 0
        """The rows that are taken."""
        self._fresh: list[npt.NDArray[Any]] = []
        self._unit = unit

    @property
    def data(self) -> npt.NDArray[Any]:
        """The rows that are taken."""
        return self.memory[: self.size]

    def add(self, part: Sequence[Any]) -> None:
        """Take in what was read next."""
        values = np.array(part, dtype=self.memory.dtype)
        self._fresh.append(values if self._unit == 1.0 else values / self._unit)

    def move(self, keep: int, room: int) -> None:
        """Go on in new memory, with so many of the old rows: the old memory is left to the frames that look into it."""
        memory = np.zeros(room, dtype=self.memory.dtype)  # what is not written yet costs no memory yet
        memory[:keep] = self.memory[:keep]
        self.memory = memory

    def join(self, keep: int) -> npt.NDArray[Any]:
        """Put what was taken in behind so many of the old rows; return it."""
        fresh = np.concatenate([self.memory[:0], *self._fresh])
        self._fresh.clear()
        self.size = keep + len(fresh)
        self.memory[keep : self.size] = fresh
        return fresh

    def typed(self) -> Any:  # noqa: ANN401  what a frame takes
        """All of the memory as pandas has it best, not copied."""
        return self.memory


class Times(Numbers):
    """Microseconds since 1970, as times in UTC."""

    def __init__(self) -> None:
        """No times yet."""
        super().__init__("int64")

    def typed(self) -> Any:  # noqa: ANN401
        """The rows that are taken as `datetime64[us, UTC]`: pandas copies them."""
        return pd.DatetimeIndex(self.data.view("datetime64[us]")).tz_localize("UTC")


class Counts(Numbers):
    """Whole numbers that may be unknown."""

    def __init__(self) -> None:
        """No counts yet."""
        super().__init__("int64")
        self._unknown = Numbers("bool")

    def add(self, part: Sequence[Any]) -> None:
        """As `Numbers.add`."""
        values = np.array(part, dtype="float64")
        unknown = np.isnan(values)
        values[unknown] = 1
        self._fresh.append(values.astype("int64"))
        self._unknown.add(unknown.tolist())

    def move(self, keep: int, room: int) -> None:
        """As `Numbers.move`."""
        super().move(keep, room)
        self._unknown.move(keep, room)

    def join(self, keep: int) -> npt.NDArray[Any]:
        """As `Numbers.join`."""
        self._unknown.join(keep)
        return super().join(keep)

    def typed(self) -> Any:  # noqa: ANN401
        """As `Int64`."""
        return pd.arrays.IntegerArray(self.memory, self._unknown.memory)


class Texts:
    """Texts of which nearly each is another."""

    def __init__(self) -> None:
        """No text yet."""
        self._values = pd.Series([], dtype="str")
        self._fresh: list[pd.Series] = []
        self._loose: list[str | None] = []

    def add(self, part: Sequence[Any]) -> None:
        """As `Numbers.add`."""
        self._loose += part
        if len(self._loose) > TEXTS_AT_ONCE:
            self._bind()

    def _bind(self) -> None:
        self._fresh.append(pd.Series(self._loose, dtype="str"))
        self._loose = []

    def join(self, keep: int) -> None:
        """As `Numbers.join`, in new memory if need be."""
        self._bind()
        self._values = pd.concat([self._values.iloc[:keep], *self._fresh], ignore_index=True)
        self._fresh.clear()

    def typed(self) -> Any:  # noqa: ANN401
        """As pandas' `str`."""
        return self._values.array
