"""Ridge regression in the space of likeness: many outcomes at once, each direction of them held back as much as leaving one out says."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_HOLDS: Final = np.geomspace(0.3, 300, 16)
"""Strengths of the penalty that are tried."""
_TINY: Final = 1e-7


class Basis(NamedTuple):
    """The directions in which prompts differ."""

    rows: Floats
    """Prompt by direction; columns of length 1."""
    power: Floats
    """By direction: the square of what prompts differ in it."""
    back: Floats
    """Landmark by direction: from a coefficient to the landmarks it is made of."""


class Solved(NamedTuple):
    """What was learned of each outcome."""

    mean: Floats
    """By outcome."""
    dual: Floats
    """Landmark by outcome."""
    left_out: Floats
    """Prompt by outcome: what would be said of each prompt, had it not been learned from."""
    hold: float
    """The lightest penalty chosen: along that direction prompts say most of the outcomes."""


def basis(alike: Floats, landmarks: NDArray[np.intp]) -> Basis:
    """Return the directions of some prompts from their likeness to landmarks among them (Nyström's method; exact when all are landmarks)."""
    power, turn = np.linalg.eigh(alike[landmarks])
    is_there = power > _TINY * max(float(power[-1]), _TINY)
    power, turn = power[is_there], turn[:, is_there]
    back = turn / np.sqrt(power)
    if len(landmarks) == len(alike):
        rows = np.empty_like(turn)
        rows[landmarks] = turn
        return Basis(rows, power, back)
    projected = alike @ back
    power, turn = np.linalg.eigh(projected.T @ projected)
    is_there = power > _TINY * max(float(power[-1]), _TINY)
    power, turn = power[is_there], turn[:, is_there]
    return Basis(projected @ turn / np.sqrt(power), power, back @ turn)


def solve(found: Basis, outcomes: Floats) -> Solved:
    """Learn outcomes (prompt by outcome) along their own principal directions: what they share is learned surer than how they differ."""
    if not outcomes.shape[1]:
        return Solved(np.zeros(0), np.zeros((len(found.back), 0)), outcomes, _HOLDS[-1])
    mean = outcomes.mean(axis=0)
    centred = outcomes - mean
    _, _, turn = np.linalg.svd(centred, full_matrices=False)
    z = centred @ turn.T
    seen = found.rows.T @ z
    squares = found.rows**2
    best = np.full(z.shape[1], np.inf)
    hold = np.full(z.shape[1], _HOLDS[-1])
    left_out = np.zeros_like(z)
    for penalty in _HOLDS:
        kept = found.power / (found.power + penalty)
        residual = (z - found.rows @ (kept[:, None] * seen)) / np.maximum(1 - squares @ kept, _TINY)[:, None]
        error = (residual**2).mean(axis=0)
        better = error < best
        best[better], hold[better], left_out[:, better] = error[better], penalty, (z - residual)[:, better]
    coefficient = np.sqrt(found.power)[:, None] * seen / (found.power[:, None] + hold)
    return Solved(mean, found.back @ coefficient @ turn, left_out @ turn + mean, float(hold.min()))
