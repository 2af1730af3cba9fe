"""Comparing two means while the observations come in: one may look after each of them, and stop, without being fooled by having looked.

The interval is an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and
asymptotic confidence sequences", 2021, theorem 2.2): it holds at all times at once, where a usual interval holds at one time only, chosen beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

_TUNED_FOR: Final = 50.0
"""Observations of each arm at which the interval is as narrow as it can be."""
_LEAST: Final = 10
"""Observations of each arm before which nothing is decided: a variance of fewer says little."""


class Compared(NamedTuple):
    """One arm against another, so far."""

    difference: float
    """Mean of the first less that of the second."""
    low: float
    high: float
    """The difference lies between these, however often one looks; infinite while too little is known."""
    sure: float
    """How sure one may be that the difference is not 0, from 0 to 1."""


def compare(first: Sequence[float], second: Sequence[float], *, sure: float = 0.95) -> Compared:
    """Compare two arms by what was observed of each; `sure` is that of the interval, in (0, 1)."""
    if min(len(first), len(second)) < _LEAST:
        return Compared(_mean(first) - _mean(second) if first and second else 0.0, -math.inf, math.inf, 0.0)
    difference = _mean(first) - _mean(second)
    # of two means with their own variances and counts: the noise of their difference, as of one mean of `count` observations of variance 1
    noise = _variance(first) / len(first) + _variance(second) / len(second)
    count = 1 / (1 / len(first) + 1 / len(second))
    width = _width(count, 1 - sure) * math.sqrt(noise * count)
    return Compared(difference, difference - width, difference + width, _sureness(difference, noise, count))


def _width(count: float, alpha: float) -> float:
    """Half the interval of a mean of variance 1 after `count` observations."""
    rho2 = _rho2(alpha)
    return math.sqrt(2 * (count * rho2 + 1) / (count**2 * rho2) * math.log(math.sqrt(count * rho2 + 1) / alpha))


def _rho2(alpha: float) -> float:
    """The parameter that makes the interval narrowest at about `_TUNED_FOR` observations (their equation 15)."""
    return (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / _TUNED_FOR


def _sureness(difference: float, noise: float, count: float) -> float:
    """The greatest `sure` whose interval leaves 0 out, found by halving."""
    if difference == 0:
        return 0.0
    if noise == 0:  # every observation is the same, and the arms differ
        return 1 - math.pow(0.5, 2 * count)
    low, high = 1e-12, 1.0
    for _ in range(60):
        alpha = math.sqrt(low * high)
        excludes = alpha < 1 and abs(difference) > _width(count, alpha) * math.sqrt(noise * count)
        low, high = (low, alpha) if excludes else (alpha, high)
    return max(0.0, 1 - high)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    mean = _mean(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)
