"""What outcomes say of each model at each task: votes for and against, fading slowly, as counts that a belief is made of."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from routebook.learn.fair import MOST, Game, weighed
from routebook.lessons import Lesson, Source
from routebook.plan.evidence import Evidence

HALF_LIFE_S: Final = 90 * 86400.0
"""After three months an outcome counts half: models change behind their names, and so do people's wishes."""
WEIGHTS: Final[Mapping[Source, float]] = {"vote": 1.0, "preference": 0.5, "check": 0.5, "refusal": 0.5}
"""What one outcome counts, in votes."""
MOST_SEEN: Final = 5.0
"""Votes that checks and refusals count together at most: there are many of them, and the user's own word must be heard."""
STEADY_S: Final = 60.0
"""How long the sums are told as they are; what fades in months does not fade in a minute."""
SAID: Final = ("vote", "preference")
"""What the user said himself."""


def faded(age_s: float) -> float:
    """What is left of an outcome of an age, 0 to 1."""
    return float(0.5 ** (max(0.0, age_s) / HALF_LIFE_S))


@dataclass(slots=True)
class _Cell:
    """One model at one task. The sums are as of `at`."""

    at: float
    said_good: float = 0.0
    said_bad: float = 0.0
    seen_good: float = 0.0
    seen_bad: float = 0.0
    n: int = 0
    last: float = 0.0

    def fade(self, to: float) -> None:
        """Bring the sums to a later time."""
        if to > self.at:
            left = faded(to - self.at)
            self.said_good, self.said_bad = self.said_good * left, self.said_bad * left
            self.seen_good, self.seen_bad = self.seen_good * left, self.seen_bad * left
            self.at = to

    def add(self, lesson: Lesson, time: float) -> None:
        """Count an outcome; one that comes late has faded already."""
        self.fade(time)
        weight = WEIGHTS[lesson.source] * faded(self.at - time)
        if lesson.source in SAID:
            self.said_good += weight * lesson.score
            self.said_bad += weight * (1 - lesson.score)
        else:
            self.seen_good += weight * lesson.score
            self.seen_bad += weight * (1 - lesson.score)
        self.n, self.last = self.n + 1, max(self.last, time)

    def evidence(self, now: float) -> Evidence:
        """The sums as of now, with what was only seen held in its bounds."""
        left = faded(now - self.at)
        seen = (self.seen_good + self.seen_bad) * left
        held = left * min(1.0, MOST_SEEN / seen) if seen else 0.0
        good, bad = self.said_good * left + self.seen_good * held, self.said_bad * left + self.seen_bad * held
        return Evidence(good, bad, n=self.n, last=self.last)


class Beliefs:
    """All that outcomes said, by task and model."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        """`now` gives seconds since 1970."""
        self._now = now
        self._cells: dict[str, dict[str, _Cell]] = {}
        self._games: dict[str, deque[tuple[str, str, float, float]]] = {}
        """Votes between two answers by task: model, the other, score, time."""
        self._version = 0
        self._told: dict[str, tuple[int, float, Mapping[str, Evidence]]] = {}
        """By task: of which version it is, until when it holds, and what it says."""

    def __len__(self) -> int:
        return sum(map(len, self._cells.values()))

    def add(self, lesson: Lesson) -> None:
        """Learn from an outcome."""
        time = lesson.time.timestamp()
        cells = self._cells.get(lesson.task, {})
        cell = cells.get(lesson.model)
        if cell is None:
            cell = _Cell(at=time)
            self._cells[lesson.task] = {**cells, lesson.model: cell}  # whole, because another thread may be reading the old one
        cell.add(lesson, time)
        if lesson.source == "preference" and lesson.versus is not None:
            self._games.setdefault(lesson.task, deque(maxlen=MOST)).append((lesson.model, lesson.versus, lesson.score, time))
        self._version += 1

    def evidence(self, task: str) -> Mapping[str, Evidence]:
        """What was learned at a task, by model."""
        cells = self._cells.get(task)
        if cells is None:
            return {}
        now, version = self._now(), self._version
        of, until, told = self._told.get(task, (-1, 0.0, {}))
        if of != version or now >= until:
            told = weighed({model: cell.evidence(now) for model, cell in cells.items()}, self._weighed_games(task, now))
            self._told[task] = (version, now + STEADY_S, told)
        return told

    def _weighed_games(self, task: str, now: float) -> list[Game]:
        weight = WEIGHTS["preference"]
        return [Game(model, versus, score, weight * faded(now - time)) for model, versus, score, time in tuple(self._games.get(task, ()))]

    def all(self) -> Iterator[tuple[str, str, Evidence]]:
        """Yield task, model and what was learned, in the order of their names."""
        for task in sorted(self._cells):
            for model, evidence in sorted(self.evidence(task).items()):
                yield task, model, evidence
