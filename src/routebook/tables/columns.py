"""Columns of the frame as they grow: what was read stays where it is, and what is new is put behind it, where there is room for more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

TEXTS_AT_ONCE: Final = 16_384
_SHORT: Final = 32_000
"""Of so many names, and one more, the numbers fit 16 bits."""


class Numbers:
    """Floats, NaN where unknown; or whole numbers and truths, which are never unknown.

    Frames look into `memory`, so a row of it that any of them has is never written again.
    """

    def __init__(self, dtype: str = "float64", *, unit: float = 1.0) -> None:
        """`unit` is what the stored values are divided by."""
        self.memory: npt.NDArray[Any] = np.zeros(0, dtype=dtype)
        self.size = 0
        """The rows that are taken."""
        self._unit = unit

    @property
    def data(self) -> npt.NDArray[Any]:
        """The rows that are taken."""
        return self.memory[: self.size]

    def begin(self, keep: int, *, room: int | None) -> None:
        """Go on behind so many of the old rows; with `room` in new memory: the old is left to the frames that look into it."""
        if room is not None:
            memory = np.zeros(room, dtype=self.memory.dtype)  # what is not written yet costs no memory yet
            memory[:keep] = self.memory[:keep]
            self.memory = memory
        self.size = keep

    def add(self, part: npt.NDArray[Any]) -> None:
        """Take in what was read next, for which there is room."""
        end = self.size + len(part)
        self.memory[self.size : end] = part if self._unit == 1.0 else part / self._unit
        self.size = end

    def join(self) -> bool:
        """All was taken in; return whether that took other memory."""
        return False

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

    def begin(self, keep: int, *, room: int | None) -> None:
        """As `Numbers.begin`."""
        super().begin(keep, room=room)
        self._unknown.begin(keep, room=room)

    def add(self, part: npt.NDArray[Any]) -> None:
        """As `Numbers.add`."""
        unknown = np.isnan(part)
        super().add(np.where(unknown, 1, part))
        self._unknown.add(unknown)

    def typed(self) -> Any:  # noqa: ANN401
        """As `Int64`."""
        return pd.arrays.IntegerArray(self.memory, self._unknown.memory)


class _Places(dict[str | None, int]):
    """A number for each name, in the order in which they were first met; none for no name."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        super().__init__({None: -1} | {name: place for place, name in enumerate(names)})

    def __missing__(self, name: str | None) -> int:
        self[name] = place = len(self) - 1
        return place

    def of(self, names: Sequence[str | None]) -> npt.NDArray[Any]:
        """The number of each."""
        found: npt.NDArray[Any] = np.fromiter(map(self.__getitem__, names), dtype="int32", count=len(names))
        return found if len(self) > _SHORT else found.astype("int16")


class Names(Numbers):
    """Texts of which few are different, as categories: in alphabetical order, none that does not occur."""

    def __init__(self) -> None:
        """No name yet."""
        super().__init__("int8")
        self._names: list[str] = []
        self._counts = np.zeros(0, dtype="int64")
        """How many rows have each."""
        self._fresh: list[npt.NDArray[Any]] = []
        self._numbers = _Places()
        """Those of the order, and behind them what was met since the last join."""

    def begin(self, keep: int, *, room: int | None) -> None:
        """As `Numbers.begin`; what stood behind is counted no more."""
        gone = self.memory[keep : self.size].astype("int32")
        self._counts -= np.bincount(gone + 1, minlength=len(self._counts) + 1)[1:]
        super().begin(keep, room=room)

    def add_coded(self, names: Sequence[str | None], codes: npt.NDArray[Any]) -> None:
        """Take in what was read next: the different texts, and for each row which of them it is."""
        self._fresh.append(self._numbers.of(names)[codes])

    def join(self) -> bool:
        """As `Numbers.join`."""
        fresh = np.concatenate([np.zeros(0, dtype="int16"), *self._fresh])
        self._fresh.clear()
        counts = np.bincount(fresh + 1, minlength=len(self._numbers))[1:]
        counts[: len(self._counts)] += self._counts
        is_other = len(counts) != len(self._names) or not counts.all()
        if is_other:
            found = list(self._numbers)[1:]  # behind None
            used = sorted((name, number) for number, name in enumerate(found) if counts[number] and name is not None)
            numbers = [number for _, number in used]
            fresh, counts = self._renamed([name for name, _ in used], numbers, fresh), counts[numbers]
        self._counts = counts
        self.add(fresh)
        return is_other

    def _renamed(self, names: list[str], numbers: list[int], fresh: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Go on in new memory with other names; return what was taken in by the new ones' numbers. `numbers` are those they had."""
        new = np.full(len(self._numbers), -1, dtype="int32")  # the last is that of no name
        new[numbers] = np.arange(len(names), dtype="int32")
        width = pd.Categorical([], categories=pd.Index(names, dtype="str")).codes.dtype  # another would be copied
        memory = np.zeros(len(self.memory), dtype=width)
        memory[: self.size] = new[self.data]
        self.memory, self._names = memory, names
        self._numbers = _Places(names)
        found: npt.NDArray[Any] = new[fresh]
        return found

    def typed(self) -> Any:  # noqa: ANN401
        """As a category."""
        return pd.Categorical.from_codes(self.memory, categories=pd.Index(self._names, dtype="str"), validate=False)


class Texts:
    """Texts of which nearly each is another, or few: as texts, not as categories."""

    def __init__(self) -> None:
        """No text yet."""
        self._values = pd.Series([], dtype="str")
        self._fresh: list[pd.Series] = []
        self._loose: list[str | None] = []
        self._numbers, self._coded = _Places(), list[npt.NDArray[Any]]()

    def begin(self, keep: int, *, room: int | None) -> None:  # noqa: ARG002  it finds room itself
        """As `Numbers.begin`."""
        self._values = self._values.iloc[:keep]

    def add_coded(self, names: Sequence[str | None], codes: npt.NDArray[Any]) -> None:
        """As `Names.add_coded`."""
        if len(names) == len(codes):  # they are numbered as they come
            self._bind_coded()
            self._loose += names
        else:
            self._bind_loose()
            self._coded.append(self._numbers.of(names)[codes])
        if len(self._loose) > TEXTS_AT_ONCE or len(self._numbers) > TEXTS_AT_ONCE:
            self._bind()

    def _bind(self) -> None:
        self._bind_loose()
        self._bind_coded()

    def _bind_loose(self) -> None:
        if self._loose:
            self._fresh.append(pd.Series(self._loose, dtype="str"))
            self._loose = []

    def _bind_coded(self) -> None:
        if self._coded:  # no text is made for each row
            names = pd.array(list(self._numbers)[1:], dtype="str")
            self._fresh.append(pd.Series(names.take(np.concatenate(self._coded), allow_fill=True), copy=False))
            self._numbers, self._coded = _Places(), []

    def join(self) -> bool:
        """As `Numbers.join`; what a frame has of it is made anew anyway."""
        self._bind()
        self._values = pd.concat([self._values, *self._fresh], ignore_index=True)
        self._fresh.clear()
        return False

    def typed(self) -> Any:  # noqa: ANN401
        """As pandas' `str`."""
        return self._values.array
