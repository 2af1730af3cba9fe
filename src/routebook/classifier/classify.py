"""A prompt becomes a classification, from its words and its structure: no I/O after the first call, about a millisecond, always the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from routebook.classifier.features import Features, features
from routebook.classifier.model import HEADS, score, shares, weights
from routebook.classifier.own import weigh_own
from routebook.classifier.reasons import reasons_for
from routebook.config.values import OwnTask
from routebook.labels import TASKS
from routebook.messages import Classification

UNSURE: Final = 0.4
"""Below this confidence the reasons say so; `plan/match.py` then takes the default route."""
ENOUGH_WORDS: Final = 0.5
"""Share of words that training met below which belief fades to an even guess: a prompt of unknown words is an unknown prompt."""
ONE_WORD: Final = 0.35
"""Belief in a prompt of a single word, of what training made of it: `hi` and `ok` ask for nothing."""
_COMPLEXITY, _STRENGTH, _TOOLS = (HEADS.index(head) for head in ("complexity", "strength", "needs_tools"))


def classify(prompt: str, *, tasks: Mapping[str, OwnTask] | None = None, found: Features | None = None) -> Classification:
    """Say what a prompt asks for and how hard it is.

    Args:
        prompt: the text as the user wrote it, any length.
        tasks: the user's own tasks, known by their keywords and examples at once.
        found: the prompt's features, where they are at hand.

    Returns:
        Task, confidence (0 to 1), complexity (0 to 10), strength (0 to 1), whether it needs tools, and the reasons.
    """
    found = features(prompt) if found is None else found
    scores = score(found)
    built_in = shares(scores.logits[: len(TASKS)], sharpness=weights().sharpness)
    trust = min(1.0, scores.met / ENOUGH_WORDS) * (1.0 if scores.n_words > 1 else ONE_WORD)
    if trust < 1:
        built_in = [trust * share + (1 - trust) / len(TASKS) for share in built_in]
    belief = dict(zip(TASKS, built_in, strict=True))
    own_reasons = weigh_own(prompt, found, tasks or {}, belief)
    task = max(belief, key=belief.__getitem__)
    likeness_of = task if task in TASKS else TASKS[built_in.index(max(built_in))]
    tools_score = 1 / (1 + math.exp(-min(50.0, max(-50.0, scores.logits[_TOOLS]))))
    reasons = own_reasons.get(task) or reasons_for(scores, head=TASKS.index(likeness_of))
    if belief[task] < UNSURE:
        reasons = (*reasons, f"not sure: only {belief[task]:.0%} for {task}")
    return Classification(
        task=task,
        confidence=round(min(1.0, belief[task]), 3),
        complexity=round(min(10.0, max(0.0, scores.logits[_COMPLEXITY])), 2),
        strength=round(min(1.0, max(0.0, scores.logits[_STRENGTH])), 4),
        needs_tools=tools_score >= 0.5,  # noqa: PLR2004  an even chance
        tools_score=round(tools_score, 3),
        reasons=reasons,
    )
