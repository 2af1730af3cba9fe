"""What an evaluation says of a model in the words of `[models.*]`: rubric, speed and price."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from routebook.books.evaluations import Result
from routebook.config.profile import Profile
from routebook.config.values import Config, Price
from routebook.engine.runtime import Runtime
from routebook.evaluation.figures import TEN, tokens_per_s
from routebook.evaluation.outcome import Evaluated
from routebook.plan.pick import TYPICAL_OUTPUT

PULL: Final = 2.0
"""The score of a task is drawn toward the model's score at all tasks as by so many prompts: three right answers do not make a 10."""
LEAST: Final = 5
"""Answers without which nothing is said of a model's speed."""
_FASTEST: Final = 1000.0
"""Tokens a second that count as 10; 1 as 0; every tenfold is a third of the way."""


def rubric_of(results: Sequence[Result]) -> dict[str, float]:
    """0 to 10 by task, to a tenth."""
    if not results:
        return {}
    overall = sum(result.score for result in results) / len(results)
    scores: dict[str, list[float]] = {}
    for result in results:
        scores.setdefault(result.task, []).append(result.score)
    return {task: round(TEN * (sum(found) + PULL * overall) / (len(found) + PULL), 1) for task, found in scores.items()}


def speed_of(results: Sequence[Result]) -> float | None:
    """0 to 10 by how many tokens a second an answer of usual length comes at, the wait for the first one included; to a tenth."""
    rate = tokens_per_s(results)
    if rate is None or len(results) < LEAST:
        return None
    waits = [result.ttft_s for result in results if result.ttft_s is not None]
    effective = TYPICAL_OUTPUT / ((median(waits) if waits else 0.0) + TYPICAL_OUTPUT / rate)
    return round(min(TEN, max(0.0, TEN * math.log(max(effective, 1.0)) / math.log(_FASTEST))), 1)


def profiles(runtime: Runtime, own: Config, found: Evaluated) -> dict[str, Profile]:
    """What would be written, by model of the file. A price is written only where the file has none and one is known."""
    made: dict[str, Profile] = {}
    for model in found.models:
        results = [result for _, result in found.graded if result.model == model]
        if model in own.models and results:
            made[model] = Profile(rubric=rubric_of(results), speed=speed_of(results), price=_price(runtime, own, model))
    return made


def without_place(own: Config, found: Evaluated) -> list[str]:
    """The models that were evaluated and have no table in the file: a provider listed them."""
    return [model for model in found.models if model not in own.models]


def _price(runtime: Runtime, own: Config, model: str) -> Mapping[str, float] | None:
    """As the price list has it, where the file says nothing; a model that costs nothing needs no price."""
    price: Price | None = runtime.known.prices.get(model)
    if own.models[model].price is not None or price is None or not (price.input or price.output):
        return None
    said = {"input": price.input, "output": price.output, "cached_input": price.cached_input}
    return {name: float(value) for name, value in said.items() if value is not None}
