"""Votes between two answers, weighed by who the other was: to beat a strong model says more than to beat a weak one.

Who is strong is what Bradley and Terry's strengths say (`bradley_terry.py`), of the user's own votes at one task. With two models nothing changes;
from three on each vote counts as if it had been against the average of the others.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from routebook.learn.bradley_terry import ELO, Vote, standings
from routebook.plan.evidence import Evidence

MOST: Final = 2_000
"""Votes that are weighed: the newest."""
_LEAST_MODELS: Final = 3


class Game(NamedTuple):
    """One side of a vote."""

    model: str
    versus: str
    score: float
    """1 when the model won, 0 when it lost, 0.5 for a tie."""
    weight: float
    """What the vote counts, faded as it is."""


def weighed(evidence: Mapping[str, Evidence], games: Sequence[Game]) -> Mapping[str, Evidence]:
    """Return the evidence of one task with its votes between answers weighed by the strength of the other model."""
    recent = games[-MOST:]
    models = {game.model for game in recent} | {game.versus for game in recent}
    if len(models) < _LEAST_MODELS:
        return evidence
    votes = [Vote(game.model, game.versus, game.score) for game in recent if game.model < game.versus]
    strength = {one.model: one.points / ELO for one in standings(votes)}
    moved: defaultdict[str, float] = defaultdict(float)
    for game in recent:
        if game.model in strength and game.versus in strength and game.model != game.versus:
            fair = _chance(strength[game.model] - _others(strength, game.model))
            moved[game.model] += game.weight * (fair - _chance(strength[game.model] - strength[game.versus]))
    return {model: _moved(seen, moved[model]) if model in moved else seen for model, seen in evidence.items()}


def _others(strength: Mapping[str, float], model: str) -> float:
    """The mean strength of the others."""
    return (sum(strength.values()) - strength[model]) / (len(strength) - 1)


def _chance(difference: float) -> float:
    return 1 / (1 + math.exp(-difference))


def _moved(seen: Evidence, by: float) -> Evidence:
    """Votes moved from against to for, or back; their sum stays."""
    good = min(seen.good + seen.bad, max(0.0, seen.good + by))
    return seen._replace(good=good, bad=seen.good + seen.bad - good)
