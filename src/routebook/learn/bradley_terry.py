"""Strengths of models from votes between two of them (Bradley and Terry 1952), with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ELO: Final = 400 / math.log(10)
"""Points by which a strength of 1 is shown: a model 400 points above another wins ten times of eleven."""
MIDDLE: Final = 1000.0
PRIOR_SD: Final = 1.5
"""Of a strength before any vote: keeps a model that won its only vote from being infinitely strong."""
_ROUNDS: Final = 50
_STILL: Final = 1e-10


class Vote(NamedTuple):
    """One vote between two answers."""

    first: str
    second: str
    share: float
    """1 when the first won, 0 when the second did, 0.5 for a tie."""


class Standing(NamedTuple):
    """A model's place, in points around 1000."""

    model: str
    points: float
    low: float
    high: float
    """95 % of the probability lies between `low` and `high`."""
    votes: int


def standings(votes: Iterable[Vote]) -> list[Standing]:
    """The models from the strongest to the weakest: the most probable strengths under a normal prior, and their curvature's intervals."""
    import numpy as np

    cast = list(votes)
    models = sorted({name for vote in cast for name in (vote.first, vote.second)})
    if not models:
        return []
    place = {model: at for at, model in enumerate(models)}
    first = np.array([place[vote.first] for vote in cast])
    second = np.array([place[vote.second] for vote in cast])
    share = np.array([vote.share for vote in cast], float)
    strength, spread = _fit(first, second, share, n=len(models))
    count = np.bincount(np.concatenate([first, second]), minlength=len(models))
    found = [
        Standing(
            model,
            _points(strength[at]),
            _points(strength[at] - 1.96 * spread[at]),
            _points(strength[at] + 1.96 * spread[at]),
            int(count[at]),
        )
        for model, at in place.items()
    ]
    return sorted(found, key=lambda standing: -standing.points)


def chance(first: Standing, second: Standing) -> float:
    """How probably the first wins a vote against the second, by their points."""
    return 1 / (1 + math.exp((second.points - first.points) / ELO))


def _fit(
    first: NDArray[np.int64], second: NDArray[np.int64], share: NDArray[np.float64], *, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Newton's method; the loss is convex, and the prior keeps its curvature away from nought."""
    import numpy as np

    strength = np.zeros(n)
    for _ in range(_ROUNDS):
        p = 1 / (1 + np.exp(-np.clip(strength[first] - strength[second], -50, 50)))
        slope = strength / PRIOR_SD**2
        np.add.at(slope, first, p - share)
        np.add.at(slope, second, share - p)
        bend = _bend(first, second, p * (1 - p), n=n)
        step = np.linalg.solve(bend, slope)
        strength = strength - step
        if float(np.abs(step).max()) < _STILL:
            break
    return strength, np.sqrt(np.diag(np.linalg.inv(bend)))


def _bend(first: NDArray[np.int64], second: NDArray[np.int64], weight: NDArray[np.float64], *, n: int) -> NDArray[np.float64]:
    """The second derivatives."""
    import numpy as np

    bend = np.eye(n) / PRIOR_SD**2
    np.add.at(bend, (first, first), weight)
    np.add.at(bend, (second, second), weight)
    np.add.at(bend, (first, second), -weight)
    np.add.at(bend, (second, first), -weight)
    return bend


def _points(strength: float) -> float:
    return MIDDLE + ELO * float(strength)
