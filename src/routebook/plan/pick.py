"""The order in which the models of a pool are tried."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal

from routebook.config.values import Config, Pick, Price
from routebook.messages import Classification
from routebook.plan.best import by_cost, rank
from routebook.plan.known import Known
from routebook.plan.residence import load_s, loaded_first

TYPICAL_OUTPUT = 400
"""Tokens of an answer when nothing was seen of a model yet (the median of chat answers in public logs is 200 to 500)."""

_BY_WORTH: frozenset[Pick] = frozenset(("best", "cheapest", "fastest", "least-busy"))
"""Strategies that sort, so that equals stay as they come."""
_TYPICAL = Decimal(TYPICAL_OUTPUT)
_A_MILLIONTH = Decimal("0.000001")


def order(
    pool: str, models: Sequence[str], *, pick: Pick, weights: Mapping[str, float], quality: float, config: Config, known: Known,
    seen: Classification, input_tokens: int, rng: random.Random, text: str = "",
) -> tuple[list[str], Mapping[str, str]]:  # fmt: skip
    """Return the models in the order to try them, and what was learned of some; every one stays in, so that each can be a fallback."""
    if known.residences and pick in _BY_WORTH:
        models = loaded_first(models, known)
    if pick == "best":
        ranked = rank(
            list(models),
            costs=expected_costs(models, known, input_tokens=input_tokens),
            quality=quality,
            config=config,
            known=known,
            seen=seen,
            text=text,
            rng=rng,
        )
        return [name for name, _ in ranked], {name: why for name, why in ranked if why}
    return _ordered(pool, list(models), pick=pick, weights=weights, config=config, known=known, input_tokens=input_tokens, rng=rng), {}


def _ordered(
    pool: str, names: list[str], *, pick: Pick, weights: Mapping[str, float], config: Config, known: Known, input_tokens: int,
    rng: random.Random,
) -> list[str]:  # fmt: skip
    match pick:
        case "round-robin":
            turn = known.turns.get(pool, 0) % len(names)
            return names[turn:] + names[:turn]
        case "random":
            rng.shuffle(names)
            return names
        case "weighted":
            return _weighted(names, weights, rng)
        case "least-busy":
            return sorted(names, key=lambda name: _load(name, config, known))
        case "cheapest":
            return by_cost(names, expected_costs(names, known, input_tokens=input_tokens))
        case "fastest":
            return sorted(names, key=lambda name: _slowness(name, config, known))
        case _:
            return names


def expected_cost(price: Price | None, *, input_tokens: int, output_tokens: float = TYPICAL_OUTPUT) -> Decimal | None:
    """US dollars for one call; `None` when the price is unknown."""
    if price is None:
        return None
    output = _TYPICAL if output_tokens == TYPICAL_OUTPUT else Decimal(round(output_tokens))
    return (price.input * input_tokens + price.output * output) * _A_MILLIONTH


def expected_costs(names: Sequence[str], known: Known, *, input_tokens: int) -> dict[str, int | None]:
    """The same of many models, in 10**-24 US dollars."""
    rates = known.rates()
    return {name: None if (rate := rates.get(name)) is None else rate[0] * input_tokens + rate[1] * TYPICAL_OUTPUT for name in names}


def _weighted(names: list[str], weights: Mapping[str, float], rng: random.Random) -> list[str]:
    """Draw without replacement, each by its weight (Efraimidis and Spirakis 2006: sort by u ** (1/w))."""
    keys = {name: rng.random() ** (1 / w) if (w := float(weights.get(name, 1.0))) > 0 else 0.0 for name in names}
    return sorted(names, key=lambda name: -keys[name])


def _load(name: str, config: Config, known: Known) -> float:
    state = known.states.get(name)
    return 0.0 if state is None else (state.in_flight + state.queued) / (config.models[name].max_concurrent or 1)


def _slowness(name: str, config: Config, known: Known) -> tuple[int, float]:
    """Seen speed first, then the profile's, then the smaller model."""
    state, model = known.states.get(name), config.models[name]
    seconds = state.expected_s(TYPICAL_OUTPUT) if state else None
    if seconds is not None:
        return 0, seconds + load_s(known, name)
    return (1, -model.speed) if model.speed is not None else (2, model.memory_gb or 1e9)
