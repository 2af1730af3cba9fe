"""How good a model is believed to be, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Belief:
    """How good an answer of a model is expected to be, 0 to 1, and the standard deviation of that expectation."""

    mean: float
    sd: float
