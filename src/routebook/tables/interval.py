"""Where the true share of good answers lies, as far as so many votes can tell."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Z: Final = 1.959964
"""Of both bounds together the truth passes one 1 time of 20."""


def wilson(mean: ArrayLike, n: ArrayLike, *, z: float = Z) -> tuple[Floats, Floats]:
    """Return Wilson's interval, 0 to 1, of means of `n` outcomes between 0 and 1 each; careful where outcomes are between.

    Args:
        mean: 0 to 1; one or an array of them.
        n: more than 0; one or an array of the same shape.
        z: how wide, in standard deviations.
    """
    share, count = np.asarray(mean, dtype=float), np.asarray(n, dtype=float)
    weight = 1 + z**2 / count
    middle = (share + z**2 / (2 * count)) / weight
    half = z * np.sqrt(np.maximum(0, share * (1 - share)) / count + z**2 / (4 * count**2)) / weight
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
