"""APGR, as the RouteLLM paper defines it (arXiv 2406.18665), every threshold used, ties as one straight segment."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def apgr(score: ArrayLike, strong: ArrayLike, weak: ArrayLike) -> float:
    """Area under share of the gap recovered over share of strong calls; 0.5 is chance."""
    sorted_by = np.argsort(-np.asarray(score, float), kind="stable")
    ordered = np.asarray(score, float)[sorted_by]
    gain = (np.asarray(strong, float) - np.asarray(weak, float))[sorted_by]
    cuts = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True]) + 1
    x = np.r_[0, cuts] / len(gain)
    y = np.r_[0, np.cumsum(gain)[cuts - 1]] / gain.sum()
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))


def spearman(one: ArrayLike, other: ArrayLike) -> float:
    """Rank correlation, ties at their mean rank."""
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: ArrayLike) -> np.ndarray:
    _, place, count = np.unique(np.asarray(values, float), return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def macro_f1(true: list[str], said: list[str]) -> float:
    """Mean F1 over the labels that occur."""
    scores = []
    for label in sorted(set(true)):
        hit = sum(t == s == label for t, s in zip(true, said, strict=True))
        scores.append(2 * hit / (true.count(label) + said.count(label)))
    return sum(scores) / len(scores)


def calibration_gap(confidence: ArrayLike, is_right: ArrayLike, *, bins: int = 10) -> float:
    """Expected calibration error over bins of equal width."""
    sure, right = np.asarray(confidence, float), np.asarray(is_right, float)
    place = np.minimum((sure * bins).astype(int), bins - 1)
    return float(sum(abs(sure[place == b].mean() - right[place == b].mean()) * (place == b).mean() for b in set(place.tolist())))
