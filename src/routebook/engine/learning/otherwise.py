"""What other models would have made of a request: their cost for its tokens, and what the user's own record says of them at its task."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from routebook.books.usual import Usual, usual
from routebook.engine.learning.hindsight import LEAST_SEEN
from routebook.engine.runtime import Runtime
from routebook.messages import Attempt, Tier, Value
from routebook.plan.index import index_of
from routebook.plan.pick import expected_cost

MOST: Final = 3
"""Stronger models that are told, and cheaper ones."""
_CLEARLY: Final = 0.02
"""A difference of beliefs below which nobody is the stronger one."""
_ANSWERED: Final = ("ok", "cached")


class Other(Value, frozen=True, kw_only=True):
    """One model beside the one that answered; or that one itself."""

    model: str
    tier: Tier
    is_chosen: bool
    is_stronger: bool
    is_cheaper: bool
    believed: float
    """How good it is believed to be at the task, 0 to 1."""
    cost_usd: Decimal | None
    """For the same tokens; of the chosen one what it did cost. `None` when a price is unknown."""
    latency_s: float | None
    """The median of its answers at the task, from three on; of the chosen one what it took."""
    answers: int
    """Its answers at the task in the record."""
    feedback: float | None
    """The mean vote on them."""
    votes: int


def otherwise(runtime: Runtime, attempts: Sequence[Attempt]) -> tuple[Other, ...]:
    """Return the model that answered, then those believed stronger and those that are cheaper, three of each at most.

    Nothing where no model answered, or where its tokens are not known.

    Raises:
        BooksError: the books cannot be read.
    """
    chosen = next((one for one in reversed(attempts) if one.status in _ANSWERED), None)
    if chosen is None or chosen.input_tokens is None or chosen.output_tokens is None or chosen.model not in runtime.config.models:
        return ()
    record = runtime.books.read(lambda connection: usual(connection, task=chosen.task))
    beliefs = _beliefs(runtime, chosen.task)
    others = [_other(name, chosen, record.get(name), beliefs, runtime) for name in runtime.config.models if name != chosen.model]
    able = [one for one in others if runtime.config.models[one.model].provider not in runtime.known.unusable]
    stronger = sorted((one for one in able if one.is_stronger), key=lambda one: -one.believed)[:MOST]
    cheaper = sorted((one for one in able if one.is_cheaper and one not in stronger), key=lambda one: (one.cost_usd or 0, -one.believed))[
        :MOST
    ]
    return (_chosen(chosen, record.get(chosen.model), beliefs, runtime), *stronger, *cheaper)


def _beliefs(runtime: Runtime, task: str) -> dict[str, float]:
    """What is believed of each model: what is stated of it, and what was learned."""
    evidence = runtime.known.evidence(task) if runtime.known.evidence is not None else {}
    return {name: beta.plus(evidence.get(name)).mean for name, beta in index_of(runtime.config).priors(task).items()}


def _cost(runtime: Runtime, model: str, chosen: Attempt) -> Decimal | None:
    price = runtime.price(model, input_tokens=chosen.input_tokens)
    return expected_cost(price, input_tokens=chosen.input_tokens or 0, output_tokens=chosen.output_tokens or 0)


def _chosen(chosen: Attempt, seen: Usual | None, beliefs: dict[str, float], runtime: Runtime) -> Other:
    return Other(
        model=chosen.model, tier=runtime.config.tier(chosen.model), is_chosen=True, is_stronger=False, is_cheaper=False,
        believed=beliefs[chosen.model], cost_usd=chosen.cost_usd, latency_s=chosen.latency_s, answers=seen.answers if seen else 0,
        feedback=seen.feedback if seen else None, votes=seen.votes if seen else 0,
    )  # fmt: skip


def _other(name: str, chosen: Attempt, seen: Usual | None, beliefs: dict[str, float], runtime: Runtime) -> Other:
    cost, was = _cost(runtime, name, chosen), _cost(runtime, chosen.model, chosen)
    return Other(
        model=name, tier=runtime.config.tier(name), is_chosen=False, is_stronger=beliefs[name] > beliefs[chosen.model] + _CLEARLY,
        is_cheaper=cost is not None and was is not None and cost < was, believed=beliefs[name], cost_usd=cost,
        latency_s=seen.latency_s if seen and seen.answers >= LEAST_SEEN else None, answers=seen.answers if seen else 0,
        feedback=seen.feedback if seen else None, votes=seen.votes if seen else 0,
    )  # fmt: skip
