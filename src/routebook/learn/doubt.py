"""How unsure a fit is of a prompt: the variance of a Bayesian linear model in a small random projection of what it learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from routebook.learn.vocabulary import Floats, Row

WIDTH: Final = 192


def sketch(row: Row, terms: NDArray[np.uint32]) -> Floats:
    """A prompt in few numbers: its terms thrown on `WIDTH` places with signs, both by the bits of their hashes, then its shape."""
    names = terms[row.at]
    signed = np.where((names >> np.uint32(20)) & np.uint32(1), row.weight, -row.weight)
    made: Floats = np.r_[np.bincount(names % np.uint32(WIDTH), weights=signed, minlength=WIDTH), row.shape]
    return made


def spread(rows: Sequence[Row], terms: NDArray[np.uint32], *, hold: float) -> NDArray[np.float32]:
    """The covariance of the coefficients, in units of the noise, after learning from some rows under a penalty."""
    table = np.stack([sketch(row, terms) for row in rows])
    return np.linalg.inv(table.T @ table + hold * np.eye(table.shape[1])).astype(np.float32)


def doubt(row: Row, terms: NDArray[np.uint32], covariance: NDArray[np.float32], *, hold: float) -> float:
    """Variance of what is said of a prompt, in units of the noise. What no known prompt says adds the variance of never having learned."""
    z = sketch(row, terms)
    return float(np.einsum("i,ij,j->", z, covariance, z)) + row.unknown / hold
