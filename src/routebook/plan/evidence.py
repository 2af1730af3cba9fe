"""What was learned of a model, weighed against what was expected of it: from votes and failures to a belief."""

from __future__ import annotations

import math
import random
from typing import Final, NamedTuple

from routebook.config.values import Model
from routebook.plan.belief import Belief

STATED: Final = 4.0
"""Votes that a figure in the model's `rubric` is worth."""
GUESSED: Final = 2.0
"""Votes that a guess by the model's size is worth."""
MOST_FITTED: Final = 30.0
"""Votes that a fitted belief is worth at most, however sure it is of itself: the user's own word comes through in the end."""
NO_RUBRIC: Final = 5.0
STRONG: Final = 7.5
"""Out of ten, for a task among a model's `strengths`."""
WEAK: Final = 2.5
"""And among its `weaknesses`."""
_MEASURED: Final[dict[str, tuple[str, ...]]] = {
    "humaneval": ("code_generation",), "mbpp": ("code_generation",), "aider": ("bug_fix", "refactoring"), "swe_bench": ("bug_fix",),
}  # fmt: skip
"""The tasks that a benchmark speaks for."""
SURE: Final = 0.8
"""Above this confidence a model that did well on similar prompts is a sure winner."""
_LEAST: Final = 0.01
"""A Beta distribution needs a little of both."""


class Evidence(NamedTuple):
    """What spoke for and against one model at one task, in votes; older ones count less."""

    good: float
    bad: float
    n: int
    """How many outcomes there were, however old."""
    last: float
    """When the newest was, in seconds since 1970."""


class Remembered(NamedTuple):
    """How a model did on prompts like this one."""

    model: str
    confidence: float
    """0 to 1: how sure it is that the model does well again."""
    n: int
    """On how many similar prompts."""
    likeness: float
    """Cosine of the nearest of them."""


class Beta(NamedTuple):
    """A Beta distribution over the share of good answers."""

    good: float
    bad: float

    @property
    def mean(self) -> float:
        """Its mean, 0 to 1."""
        return self.good / (self.good + self.bad)

    @property
    def sd(self) -> float:
        """Its standard deviation."""
        total = self.good + self.bad
        return math.sqrt(self.good * self.bad / (total + 1)) / total

    def plus(self, seen: Evidence | None) -> Beta:
        """What it becomes with what was seen."""
        return self if seen is None else Beta(self.good + seen.good, self.bad + seen.bad)

    def draw(self, rng: random.Random) -> float:
        """A share drawn from it."""
        return rng.betavariate(max(self.good, _LEAST), max(self.bad, _LEAST))


def prior(model: Model | None, task: str, *, fitted: Belief | None = None) -> Beta:
    """What is expected of a model before its outcomes speak: as fitted, else by its rubric, else by the rest of its profile.

    Args:
        model: its entry in the config; `None` when it is there no more.
        task: what the prompt asks for.
        fitted: what `router.fit` learned of it for this prompt.
    """
    if fitted is not None:
        mean = min(0.99, max(0.01, fitted.mean))
        votes = mean * (1 - mean) / max(fitted.sd, 1e-3) ** 2 - 1
        return _beta(mean, min(MOST_FITTED, max(GUESSED, votes)))
    if model is None:
        return _beta(NO_RUBRIC / 10, GUESSED)
    stated = model.rubric.get(task)
    if stated is None:
        return _beta(_by_profile(model, task) / 10, GUESSED)
    return _beta(stated / 10, STATED)


def _beta(mean: float, votes: float) -> Beta:
    return Beta(mean * votes, (1 - mean) * votes)


def _by_profile(model: Model, task: str) -> float:
    """Without a figure in the rubric: what it is known to be good or bad at, else what benchmarks of such tasks gave it, else its size."""
    if task in model.strengths or task in model.weaknesses:
        return STRONG if task in model.strengths else WEAK
    scores = [score for name, score in model.benchmarks.items() if task in _MEASURED.get(name, ())]
    return sum(scores) / len(scores) / 10 if scores else _by_size(model.memory_gb)


def _by_size(memory_gb: float | None) -> float:
    """Without a rubric a bigger local model counts as a better one: 4 GB about 5, 40 GB about 7.5."""
    if memory_gb is None:
        return NO_RUBRIC
    return max(1.0, min(8.0, 3.5 + 0.75 * math.sqrt(memory_gb)))
