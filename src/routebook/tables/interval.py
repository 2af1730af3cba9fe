"""Where the true share of good answers lies, as far as so many votes can tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_Z = 1.959964


def wilson(mean: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Return Wilson's 95 % interval, 0 to 1, of means of `n` outcomes between 0 and 1 each; careful where outcomes are between."""
    weight = 1 + _Z**2 / n
    middle = (mean + _Z**2 / (2 * n)) / weight
    half = _Z * np.sqrt(mean * (1 - mean) / n + _Z**2 / (4 * n**2)) / weight
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
