"""The candidates that a request has left, the one at hand first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from routebook.messages import Candidate


class Left:
    """A queue of candidates; of a plan's many it looks only at those whose turn comes."""

    __slots__ = ("_all", "_places")

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        """All are left, in their order."""
        self._all, self._places = candidates, deque(range(len(candidates)))

    def __len__(self) -> int:
        """How many are left."""
        return len(self._places)

    def __iter__(self) -> Iterator[Candidate]:
        """Each, in the order of its turn."""
        return (self._all[place] for place in self._places)

    @property
    def first(self) -> Candidate:
        """The one at hand."""
        return self._all[self._places[0]]

    def drop_first(self) -> Candidate:
        """Leave the one at hand; return it."""
        return self._all[self._places.popleft()]

    def turn_round(self) -> None:
        """Put the one at hand behind the others."""
        self._places.rotate(-1)

    def put_first(self, candidate: Candidate) -> None:
        """Make another the one at hand."""
        self._places.appendleft(self._take(candidate))

    def remove(self, candidate: Candidate) -> None:
        """Leave one, wherever it stands."""
        self._take(candidate)

    def _take(self, candidate: Candidate) -> int:
        place = next(place for place in self._places if self._all[place].model == candidate.model)
        self._places.remove(place)
        return place
