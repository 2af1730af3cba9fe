"""The user's own tasks: known at once by their keywords and by the likeness of their examples, without training."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from routebook.classifier.features import Features, features
from routebook.classifier.structure import HEAD, TAIL
from routebook.config.values import OwnTask

_KEYWORD: Final = 0.85
"""Belief that a keyword alone gives: the user said so, and may still have meant another use of the word."""
_LIKE_ENOUGH: Final = 0.3
_SURE: Final = 0.6
_SPACES: Final = ("w", "b", "c", "g")


def weigh_own(prompt: str, found: Features, tasks: Mapping[str, OwnTask], belief: dict[str, float]) -> dict[str, tuple[str, ...]]:
    """Move belief to the user's own tasks where their keywords or examples speak; return the reasons by task.

    Changes `belief` in place; it still adds up to 1.
    """
    reasons: dict[str, tuple[str, ...]] = {}
    if not tasks:
        return reasons
    lower = (prompt if len(prompt) <= HEAD + TAIL else f"{prompt[:HEAD]}\n{prompt[-TAIL:]}").lower()
    claims: dict[str, float] = {}
    for name, own in tasks.items():
        claims[name], reasons[name] = _claim(lower, found, own)
    best = max(claims.values())
    for task in belief:
        belief[task] *= 1 - best
    total = sum(claims.values())
    for name, claim in claims.items():
        if claim > 0:
            belief[name] = belief.get(name, 0.0) + best * claim / total
    return {name: said for name, said in reasons.items() if said}


def _claim(lower: str, found: Features, own: OwnTask) -> tuple[float, tuple[str, ...]]:
    """How much of the belief one own task claims, and why."""
    heard = [word for word in own.keywords if re.search(rf"(?<!\w){re.escape(word.lower())}(?!\w)", lower)]
    likeness, nearest = max(((_likeness(found, _example(text)), text) for text in own.examples), default=(0.0, ""))
    claim = _KEYWORD if heard else 0.0
    said = [f"keyword “{word}”" for word in heard]
    if likeness >= _LIKE_ENOUGH:
        claim = max(claim, min(0.95, 0.5 + 0.5 * (likeness - _LIKE_ENOUGH) / (_SURE - _LIKE_ENOUGH)))
        said.append(f"like your example “{nearest[:60]}”")
    return claim, tuple(said)


@lru_cache(maxsize=512)
def _example(text: str) -> Features:
    return features(text)


def _likeness(one: Features, other: Features) -> float:
    """Cosine of two prompts in the space of words, pairs, pieces and kinds of words."""
    both = sum(weight * one[name] for name, weight in other.items() if name in one and name.split(":", 1)[0] in _SPACES)
    return both / (_norm(one) * _norm(other) or 1.0)


def _norm(found: Features) -> float:
    return math.sqrt(sum(weight * weight for name, weight in found.items() if name.split(":", 1)[0] in _SPACES))
