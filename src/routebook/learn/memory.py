"""A memory of similar prompts: which models did well on prompts like this one. It holds signatures, not prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from routebook.learn.beliefs import WEIGHTS, faded
from routebook.learn.signature import LENGTH, unpacked
from routebook.lessons import Lesson
from routebook.plan.evidence import Remembered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST: Final = 2048
"""Outcomes remembered; of more the oldest are forgotten here (what is believed keeps them)."""
ALIKE: Final = 0.6
"""Cosine from which two prompts are alike: of pairs of public prompts above it 99 % ask for the same task, of all pairs 9 %."""
_DOUBT: Final = 0.5
"""Votes for and against that a memory begins with (Jeffreys' prior): one good vote gives 0.75, two give 0.83."""
_NEAREST: Final = 64


class Memory:
    """The newest outcomes with their signatures."""

    def __init__(self, *, most: int = MOST) -> None:
        """`most` outcomes are kept."""
        self._most = most
        self._rows: NDArray[np.float32] | None = None
        self._of: list[Lesson] = []
        self._next = 0

    def __len__(self) -> int:
        return len(self._of)

    def add(self, lesson: Lesson) -> None:
        """Remember an outcome; one without a signature says nothing of similar prompts."""
        import numpy as np

        row = unpacked(lesson.signature) if lesson.signature else None
        if row is None:
            return
        if self._rows is None or (len(self._of) == len(self._rows) < self._most):
            grown = np.zeros((min(self._most, 2 * len(self._of) or 64), LENGTH), np.float32)
            if self._rows is not None:
                grown[: len(self._of)] = self._rows
            self._rows = grown
        if len(self._of) < self._most:
            self._rows[len(self._of)] = row
            self._of.append(lesson)
        else:
            self._rows[self._next], self._of[self._next] = row, lesson
            self._next = (self._next + 1) % self._most

    def recall(self, signature: bytes, *, now: float) -> Sequence[Remembered]:
        """Return how each model did on prompts like this one, the surest first. `now` is in seconds since 1970."""
        import numpy as np

        query, rows, count = unpacked(signature), self._rows, len(self._of)
        if query is None or rows is None:
            return ()
        likeness = np.einsum("ij,j->i", rows[:count], query)  # one thread: see `signature`
        near = np.flatnonzero(likeness >= ALIKE)
        if not len(near):
            return ()
        nearest = near[np.argsort(-likeness[near], kind="stable")][:_NEAREST]
        return _by_model([(self._of[place], float(likeness[place])) for place in nearest.tolist()], now)


def _by_model(found: Sequence[tuple[Lesson, float]], now: float) -> Sequence[Remembered]:
    """Weigh the outcomes of each model by how like their prompts are and how old they are."""
    good: dict[str, float] = {}
    total: dict[str, float] = {}
    prompts: dict[str, set[str]] = {}
    nearest: dict[str, float] = {}
    for lesson, likeness in found:
        model, weight = lesson.model, likeness * WEIGHTS[lesson.source] * faded(now - lesson.time.timestamp())
        good[model] = good.get(model, 0.0) + weight * lesson.score
        total[model] = total.get(model, 0.0) + weight
        prompts.setdefault(model, set()).add(lesson.request_id)
        nearest[model] = max(nearest.get(model, 0.0), min(1.0, likeness))
    sure = [
        Remembered(model, (good[model] + _DOUBT) / (total[model] + 2 * _DOUBT), n=len(prompts[model]), likeness=nearest[model])
        for model in total
    ]
    return sorted(sure, key=lambda one: -one.confidence)
