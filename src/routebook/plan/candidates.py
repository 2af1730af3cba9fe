"""The candidates of a plan. Of a large pool nearly none is ever tried, so those are priced and explained that somebody looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, overload

from routebook.messages import Candidate

FEW: Final = 16
"""So many are made with the plan, which is all of most plans."""
Make = Callable[[str], Candidate]
Pools = Callable[[], set[str]]


class Candidates(Sequence[Candidate]):
    """Many candidates in the order to try them; equal to the tuple of the same, which it is once kept or copied."""

    __slots__ = ("_made", "_make", "models", "pools")

    def __init__(self, models: Iterable[str], make: Make, *, pools: Pools) -> None:
        """`make` makes the candidate of a model when it is looked at, with the cost that is expected then."""
        self.models, self._make, self.pools = tuple(models), make, pools
        self._made: list[Candidate | None] = [None] * len(self.models)

    @overload
    def __getitem__(self, place: int) -> Candidate: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Candidate, ...]: ...
    def __getitem__(self, place: int | slice) -> Candidate | tuple[Candidate, ...]:
        """One, or some."""
        if isinstance(place, slice):
            return tuple(self[one] for one in range(*place.indices(len(self.models))))
        found = self._made[place]
        if found is None:
            found = self._made[place] = self._make(self.models[place])
        return found

    def __iter__(self) -> Iterator[Candidate]:
        """All of them, each made when its turn comes."""
        return (self[place] for place in range(len(self.models)))

    def __len__(self) -> int:
        """How many there are."""
        return len(self.models)

    def __eq__(self, other: object) -> bool:
        """Whether they are the same, in the same order."""
        return tuple(self) == tuple(other) if isinstance(other, Candidates | tuple) else NotImplemented

    def __hash__(self) -> int:
        """As a tuple."""
        return hash(tuple(self))

    def __repr__(self) -> str:
        """As a tuple."""
        return repr(tuple(self))

    def __reduce__(self) -> tuple[Any, ...]:
        """Kept or copied, they are a tuple: what they are made of is of this process."""
        return tuple, (tuple(self),)


def candidates(models: Sequence[str], make: Make, *, pools: Pools) -> Sequence[Candidate]:
    """The candidates of these models: few as a tuple, many as `Candidates`."""
    return Candidates(models, make, pools=pools) if len(models) > FEW else tuple(map(make, models))


def models_of(found: Sequence[Candidate]) -> tuple[str, ...]:
    """Their models, in order."""
    return found.models if isinstance(found, Candidates) else tuple(candidate.model for candidate in found)


def pools_of(found: Sequence[Candidate]) -> set[str]:
    """The pools that they were chosen from."""
    return found.pools() if isinstance(found, Candidates) else {candidate.pool for candidate in found if candidate.pool}
