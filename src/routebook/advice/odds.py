"""How far so few outcomes can tell: where a share lies, and whether one is as good as another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from routebook.tables.interval import wilson

Z: Final = 1.6449
"""Each bound is passed by the truth 1 time of 20."""


class Share(NamedTuple):
    """A mean of outcomes between 0 and 1, and how many there are."""

    mean: float
    n: int

    @property
    def low(self) -> float:
        """Below it the truth lies 1 time of 20."""
        return self._bounds()[0]

    @property
    def high(self) -> float:
        """Above it the truth lies 1 time of 20."""
        return self._bounds()[1]

    def _bounds(self) -> tuple[float, float]:
        if not self.n:
            return 0.0, 1.0
        low, high = wilson(self.mean, self.n, z=Z)
        return float(low), float(high)

    def __str__(self) -> str:
        return f"{self.mean:.0%} of {self.n:,} ({self.low:.0%} to {self.high:.0%})"


def share(outcomes: Iterable[float]) -> Share:
    """Of some outcomes; of none the mean is 0, and nothing is known."""
    held = list(outcomes)
    return Share(sum(held) / len(held) if held else 0.0, len(held))


def gap(pairs: Sequence[tuple[float, Share, Share]]) -> tuple[float, float, float]:
    """How much better the first of each pair is than the second, weighed: the difference and its two bounds.

    The intervals of the shares are added by their squares (Zou and Donner 2008), which needs no counts so large that they are normal.

    Args:
        pairs: a weight, and the two shares; the weights add up to 1.
    """
    middle = sum(weight * (one.mean - other.mean) for weight, one, other in pairs)
    below = math.sqrt(sum((weight * (one.mean - one.low)) ** 2 + (weight * (other.high - other.mean)) ** 2 for weight, one, other in pairs))
    above = math.sqrt(sum((weight * (one.high - one.mean)) ** 2 + (weight * (other.mean - other.low)) ** 2 for weight, one, other in pairs))
    return middle, middle - below, middle + above
