"""How well scores and choices trade quality against cost: APGR and CPT as in the RouteLLM paper, area under quality over cost as in RouterBench.

APGR is the area under "share of the quality gap recovered" over "share of prompts sent to the strong model" (chance 0.5). CPT(p) is the share of
strong calls, in %, at which the share p of the gap is recovered. The area under quality over cost runs from the cheapest to the dearest single
model, along the convex hull of what can be reached, because between two settings any mixture can be had. Sources: arXiv 2406.18665, 2403.12031.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class Recovery(NamedTuple):
    """What a score recovers of the gap between two models as more prompts go to the strong one; both axes from 0 to 1."""

    calls: Floats
    gap: Floats

    @property
    def apgr(self) -> float:
        """The area under the curve; 0.5 is chance."""
        return float(np.trapezoid(self.gap, self.calls))

    def cpt(self, share: float) -> float:
        """Strong calls in % at which a share of the gap is recovered; 100 when it never is."""
        reached = np.flatnonzero(self.gap >= share - 1e-12)
        if not len(reached):
            return 100.0
        k = int(reached[0])
        if k == 0:
            return 0.0
        rise = (share - self.gap[k - 1]) / (self.gap[k] - self.gap[k - 1])
        return float(100 * (self.calls[k - 1] + rise * (self.calls[k] - self.calls[k - 1])))


def recovery(score: ArrayLike, strong: ArrayLike, weak: ArrayLike, *, times: ArrayLike | None = None) -> Recovery:
    """Return the curve of a score (higher: more need of the strong model); every threshold counts, tied scores are one straight line.

    `times` says how often each prompt counts. The strong model must be the better one on them.
    """
    ranked = np.asarray(score, float)
    count = np.ones(len(ranked)) if times is None else np.asarray(times, float)
    gain = (np.asarray(strong, float) - np.asarray(weak, float)) * count
    order = np.argsort(-ranked, kind="stable")
    ranked = ranked[order]
    cuts = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    return Recovery(np.r_[0.0, np.cumsum(count[order])[cuts] / count.sum()], np.r_[0.0, np.cumsum(gain[order])[cuts] / gain.sum()])


def area(cost: Floats, quality: Floats, *, least: float, most: float) -> float:
    """Area under quality over cost between two costs, divided by what lies between them: the mean quality along the hull of some settings.

    The hull never falls: more money need not be spent. Settings dearer than `most` count as far as the hull reaches below it.
    """
    hull_cost, hull_quality = hull(cost, quality)
    marks = np.unique(np.clip(np.r_[least, hull_cost, most], least, most))
    return float(np.trapezoid(np.interp(marks, hull_cost, hull_quality), marks) / (most - least))


def hull(cost: Floats, quality: Floats) -> tuple[Floats, Floats]:
    """The settings that no mixture of others beats, from the cheapest to the best."""
    kept: list[tuple[float, float]] = []
    for x, y in sorted(zip(cost.tolist(), quality.tolist(), strict=True), key=lambda one: (one[0], -one[1])):
        if kept and y <= kept[-1][1]:
            continue
        while len(kept) > 1 and _is_below(kept[-2], kept[-1], (x, y)):
            kept.pop()
        kept.append((x, y))
    return np.array([x for x, _ in kept]), np.array([y for _, y in kept])


def _is_below(first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]) -> bool:
    return (middle[1] - first[1]) * (last[0] - first[0]) <= (last[1] - first[1]) * (middle[0] - first[0])


def choices(quality: Floats, cost: Floats) -> NDArray[np.intp]:
    """Return which model is chosen, setting by prompt, as money weighs more and more: the best of expected quality minus weight times cost."""
    gap = float(np.ptp(quality)) or 1.0
    middle = float(cost.mean()) or 1.0
    weights = np.r_[0.0, np.geomspace(1e-4, 1e4, 240) * gap / middle]
    return np.array([np.argmax(quality - weight * cost, axis=1) for weight in weights])
