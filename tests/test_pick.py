"""The order in which the models of a pool are tried."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from making import config, seen

from routebook.config.values import Price
from routebook.plan.known import Known
from routebook.plan.pick import order
from routebook.plan.residence import Residence


def ordered(pick: str, *, of_known: Known | None = None, seed: int = 1, quality: float = 0.5, models: Any = None, **more: Any) -> list[str]:  # noqa: ANN401
    """The three models of a pool, ordered."""
    of = config(models=models) if models else config()
    names, _ = order(
        "pool", ["small", "fast", "dear"], pick=pick, weights=more.get("weights", {}), quality=quality, config=of,  # type: ignore[arg-type]
        known=of_known or Known(clock=lambda: 0.0), seen=seen(), input_tokens=100, rng=random.Random(seed),
    )  # fmt: skip
    return names


def test_in_order_keeps_the_file_s_order() -> None:
    """The plainest strategy must do nothing."""
    assert ordered("in-order") == ["small", "fast", "dear"]


def test_round_robin_starts_one_further_at_each_use() -> None:
    """Load spreads evenly, and every model stays in as a fallback."""
    of_known = Known(clock=lambda: 0.0)
    firsts = []
    for _ in range(4):
        firsts.append(ordered("round-robin", of_known=of_known)[0])
        of_known.count_turns(["pool"])
    assert firsts == ["small", "fast", "dear", "small"]


@pytest.mark.parametrize("pick", ["random", "weighted", "least-busy", "cheapest", "fastest", "best"])
def test_every_strategy_keeps_every_model(pick: str) -> None:
    """A strategy orders, it does not drop: the rest are the fallbacks."""
    assert sorted(ordered(pick)) == ["dear", "fast", "small"]


def test_weighted_draws_by_weight() -> None:
    """Three to one means three to one, and a weight of zero comes last."""
    firsts = Counter(ordered("weighted", seed=seed, weights={"small": 3.0, "fast": 1.0, "dear": 0.0})[0] for seed in range(2000))
    assert 0.70 < firsts["small"] / 2000 < 0.80
    assert firsts["dear"] == 0


def test_least_busy_looks_at_what_is_under_way() -> None:
    """Ten cells at once should not queue at one model while another idles."""
    of_known = Known(clock=lambda: 0.0)
    of_known.state("small").in_flight = 3
    of_known.state("fast").in_flight = 1
    assert ordered("least-busy", of_known=of_known) == ["dear", "fast", "small"]


def test_cheapest_puts_unknown_prices_last() -> None:
    """Unknown is not zero."""
    prices = {"dear": Price(input=15, output=75), "small": Price(input=0, output=0)}
    assert ordered("cheapest", of_known=Known(clock=lambda: 0.0, prices=prices)) == ["small", "dear", "fast"]


def test_fastest_believes_what_was_seen_over_the_profile() -> None:
    """A claimed speed is a claim."""
    models = {name: {"provider": "mac", "id": name, "speed": speed} for name, speed in (("small", 9), ("fast", 2), ("dear", 5))}
    of_known = Known(clock=lambda: 0.0)
    of_known.state("fast").saw_answer(ttft_s=0.2, latency_s=1.2, output_tokens=100)
    assert ordered("fastest", of_known=of_known, models=models) == ["fast", "small", "dear"]


def test_fastest_counts_the_time_to_load() -> None:
    """A quick model that must be loaded first is slower than a slow one that is there."""
    known = Known(clock=lambda: 100.0)
    for name, seconds in (("quick", 1.0), ("slow", 5.0)):
        known.state(name).saw_answer(ttft_s=seconds, latency_s=seconds, output_tokens=1)
    tables = config(models={name: {"provider": "mac", "id": name} for name in ("quick", "slow")}, routes=[{"name": "r", "try": ["slow"]}])

    def ordered() -> list[str]:
        return order(
            "p", ["slow", "quick"], pick="fastest", weights={}, quality=0.5, config=tables, known=known, seen=seen(), input_tokens=9,
            rng=random.Random(0),
        )[0]  # fmt: skip

    assert ordered() == ["quick", "slow"]
    known.residences.update(quick=Residence(0.0, 12.0), slow=Residence(160.0, 3.0))
    assert ordered() == ["slow", "quick"]
    known.residences.update(quick=Residence(160.0, 12.0))
    assert ordered() == ["quick", "slow"]
    known.residences.update(quick=Residence(99.0, 12.0))
    assert ordered() == ["slow", "quick"], "its time in memory is over"


def test_best_trades_the_rubric_against_cost() -> None:
    """One knob: quality first at 1, cost first at 0."""
    models = {
        "small": {"provider": "mac", "id": "s", "rubric": {"chat_qa": 3}},
        "fast": {"provider": "groq", "id": "f", "rubric": {"chat_qa": 6}},
        "dear": {"provider": "claude", "id": "d", "rubric": {"chat_qa": 9}},
    }
    prices = {"small": Price(input=0, output=0), "fast": Price(input=1, output=1), "dear": Price(input=150, output=750)}
    of_known = Known(clock=lambda: 0.0, prices=prices)
    assert ordered("best", of_known=of_known, models=models, quality=1.0)[0] == "dear"
    assert ordered("best", of_known=of_known, models=models, quality=0.0)[0] != "dear"
