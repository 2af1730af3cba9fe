"""What the answers of one model come to: scores with intervals, speed, cost. Everything is counted from answers that were graded."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

from routebook.books.evaluations import Result
from routebook.books.money import from_pico
from routebook.messages import Value
from routebook.tables.interval import wilson

TEN: Final = 10.0


class Figures(Value, frozen=True, kw_only=True):
    """Of one model, at one task or at all. What is unknown is `None`."""

    n: int
    """Answers that were graded."""
    score: float | None
    """0 to 10: the mean."""
    low: float | None
    """19 times of 20 the true score is between this and `high`."""
    high: float | None
    tokens_per_s: float | None
    """Output, from the first token on."""
    ttft_s: float | None
    """To the first token, the median."""
    usd_per_1k: float | None
    """US dollars for 1,000 tokens, input and output as they came, of the answers whose cost is known."""
    cost_usd: float | None
    """Of all these answers; `None` where the cost of one is unknown."""


def figures_of(results: Sequence[Result]) -> Figures:
    """The figures of some answers."""
    scores = [result.score for result in results]
    low, high = _interval(scores)
    return Figures(
        n=len(results),
        score=TEN * sum(scores) / len(scores) if scores else None,
        low=low,
        high=high,
        tokens_per_s=tokens_per_s(results),
        ttft_s=median(times) if (times := [result.ttft_s for result in results if result.ttft_s is not None]) else None,
        usd_per_1k=_per_1k(results),
        cost_usd=_cost(results),
    )


def tokens_per_s(results: Sequence[Result]) -> float | None:
    """Output tokens a second; an answer that came all at once is timed from when it was asked."""
    tokens, seconds = 0, 0.0
    for result in results:
        if result.output_tokens and result.latency_s:
            tokens += result.output_tokens
            streamed_s = result.latency_s - (result.ttft_s or 0.0)
            seconds += streamed_s if streamed_s > result.latency_s / 100 else result.latency_s
    return tokens / seconds if seconds else None


def _interval(scores: Sequence[float]) -> tuple[float | None, float | None]:
    if not scores:
        return None, None
    low, high = wilson(sum(scores) / len(scores), len(scores))
    return TEN * float(low), TEN * float(high)


def _per_1k(results: Sequence[Result]) -> float | None:
    known = [result for result in results if result.cost_pusd is not None and result.input_tokens is not None]
    tokens = sum((result.input_tokens or 0) + (result.output_tokens or 0) for result in known)
    return 1000 * float(from_pico(sum(result.cost_pusd or 0 for result in known))) / tokens if tokens else None


def _cost(results: Sequence[Result]) -> float | None:
    costs = [result.cost_pusd for result in results]
    return None if None in costs else float(from_pico(sum(cost or 0 for cost in costs)))
