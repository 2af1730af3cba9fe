"""Makes outcomes, and what is known from them, for tests of what is learned."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from routebook.classifier.features import features
from routebook.config.values import Price
from routebook.learn.beliefs import Beliefs
from routebook.learn.memory import Memory
from routebook.learn.signature import signature
from routebook.lessons import Lesson
from routebook.plan.known import Known


def price(given: int, taken: int) -> Price:
    """US dollars per million tokens in and out."""
    return Price(input=Decimal(given), output=Decimal(taken))


FREE = price(0, 0)
START = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


def lesson(model: str, score: float, *, prompt: str | None = None, days: float = 0.0, **more: Any) -> Lesson:  # noqa: ANN401  fields of Lesson
    """A vote on an answer of a model, so many days after the start."""
    values: dict[str, Any] = {
        "time": START + dt.timedelta(days=days), "request_id": f"r{model}{days}{prompt}", "task": "chat_qa", "model": model, "source": "vote",
        "score": score, "signature": None if prompt is None else signature(features(prompt)),
    }  # fmt: skip
    return Lesson(**(values | more))


class Learner:
    """What a router learns, without a router."""

    def __init__(self, *, days: float = 0.0, **of_known: Any) -> None:  # noqa: ANN401  arguments of Known
        """It is so many days after the start."""
        self.now = (START + dt.timedelta(days=days)).timestamp()
        self.beliefs, self.memory = Beliefs(now=lambda: self.now), Memory()
        self.known = Known(clock=lambda: 0.0, **({"prices": dict.fromkeys("abcdefgh", FREE)} | of_known))

    def hear(self, *lessons: Lesson) -> Known:
        """Learn; return what is known."""
        for each in lessons:
            self.beliefs.add(each)
            self.memory.add(each)
        self.known.evidence = self.beliefs.evidence if len(self.beliefs) else None
        self.known.recall = (lambda text: self.memory.recall(signature(features(text)), now=self.now)) if len(self.memory) else None
        return self.known
