"""`pick = "best"`: what is believed of each model against what it costs, by one knob; a sure memory goes first, and a few prompts explore.

Exploring is for careful people. It happens on at most a share of the prompts (`[defaults] explore`), only for a task that has outcomes,
only when the task is clear, and it never takes a model that is dearer, or further from this machine, than the one it replaces.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from routebook.config.values import Config
from routebook.messages import TIERS, Classification
from routebook.plan.belief import Belief
from routebook.plan.evidence import Beta, Evidence, prior
from routebook.plan.index import index_of
from routebook.plan.known import EXPLORING, WEIGHED, Known
from routebook.plan.match import LEAST_CONFIDENCE
from routebook.plan.winner import said, surest

DEAR_USD: Final = 0.05
"""A call that costs so much counts as fully dear."""
UNKNOWN_DEARNESS: Final = 0.5
"""Of a model without a price: an unknown price is not a price of 0."""
MOST_TOLD: Final = 12
_FULLY_DEAR: Final = DEAR_USD * 1e24
_BEYOND: Final = 10**40
"""More than any cost."""
Costs = Mapping[str, int | None]
"""Of one call, by model, in 10**-24 US dollars."""


@dataclass(slots=True)
class _Choice:
    """One choice among the models of a pool."""

    names: Sequence[str]
    costs: Costs
    config: Config
    known: Known
    seen: Classification
    evidence: Mapping[str, Evidence]
    fitted: Mapping[str, Belief]
    weight: float
    """Of quality against cost, 0 to 1."""
    betas: Mapping[str, Beta]

    def worth(self, name: str, quality: float) -> float:
        """Quality against cost, weighed."""
        cost = self.costs[name]
        dearness = UNKNOWN_DEARNESS if cost is None else cost / _FULLY_DEAR if cost < _FULLY_DEAR else 1.0
        return self.weight * quality - (1 - self.weight) * dearness

    def ranked(self) -> list[str]:
        """The models, the one of most worth first; of equals the cheaper, then the one named first."""
        cheapest_first = by_cost(self.names, self.costs)
        if not self.weight:
            return cheapest_first
        betas, worth = self.betas, self.worth
        worths = {name: worth(name, betas[name].mean) for name in cheapest_first}
        return sorted(cheapest_first, key=worths.__getitem__, reverse=True)  # which leaves equals as they are

    def explored(self, first: str, rng: random.Random) -> tuple[str, float] | None:
        """A model to try instead of `first`, and what was drawn for it (Thompson sampling); `None` when `first` stays."""
        share = self.config.defaults.explore
        if not self.evidence or not self.weight or self.seen.confidence < LEAST_CONFIDENCE:
            return None
        if rng.random() >= share or not self.known.may_explore(share):
            return None
        drawn = {name: self.betas[name].draw(rng) for name in self.names if self.is_safe(name, first)}
        taken = max(drawn, key=lambda name: self.worth(name, drawn[name]))
        return None if taken == first else (taken, drawn[taken])

    def is_safe(self, name: str, first: str) -> bool:
        """Whether a model may be tried instead of `first`: no dearer, no further away, and not cooling down."""
        if name == first:
            return True
        tiers, cost = index_of(self.config).tiers, self.costs[name]
        is_near = TIERS.index(tiers[name]) <= TIERS.index(tiers[first])
        return is_near and cost is not None and cost <= (self.costs[first] or 0) and not self.known.cooling_s(name)

    def told(self, ranked: Sequence[str]) -> list[tuple[str, str]]:
        """The models, the first of them with what is believed: nobody reads fifty reasons."""
        return [(name, self.why(name) if place < MOST_TOLD else "") for place, name in enumerate(ranked)]

    def why(self, name: str) -> str:
        """What is believed of a model, in words."""
        beta, seen = self.betas[name], self.evidence.get(name)
        source = "" if seen is None else f" by {seen.n} outcome{'s' * (seen.n != 1)}"
        source += ", fitted" if name in self.fitted else ""
        return f"{WEIGHED}{beta.mean:.2f} ± {beta.sd:.2f}{source or ' by its profile'}"


def by_cost(names: Sequence[str], costs: Costs) -> list[str]:
    """The models, the cheapest first, those of unknown price last."""
    known = {name: _BEYOND if cost is None else cost for name, cost in costs.items()}
    return sorted(names, key=known.__getitem__)


def rank(
    names: Sequence[str], *, costs: Costs, quality: float, config: Config, known: Known, seen: Classification, text: str, rng: random.Random
) -> list[tuple[str, str]]:  # fmt: skip
    """Return the models in the order to try them, each with what weighed; without anything learned, in words there is nothing to say.

    Args:
        names: the models of the pool.
        costs: of one call, by model.
        quality: the knob: 0 weighs cost only, 1 quality only; a prompt with more to gain from strength leans to quality.
        config: what `routing.toml` says.
        known: what is known of the models; `evidence`, `recall` and `fitted` are asked.
        seen: the prompt's classification.
        text: the prompt, for memory and what was fitted.
        rng: for exploring; it is not touched while nothing was learned.
    """
    weight = min(1.0, quality * (1 + seen.strength))
    if known.evidence is None and known.fitted is None and known.recall is None:  # nothing was learned yet
        profile = index_of(config).priors(seen.task)
        return [(name, "") for name in _Choice(names, costs, config, known, seen, {}, {}, weight, profile).ranked()]
    evidence = known.evidence(seen.task) if known.evidence is not None else {}
    fitted = known.fitted(text) if known.fitted is not None and text else {}
    betas = index_of(config).priors(seen.task)
    if evidence or fitted:
        betas = {name: _prior(name, betas, fitted, config).plus(evidence.get(name)) for name in names}
    choice = _Choice(names, costs, config, known, seen, evidence, fitted, weight, betas)
    ranked = choice.ranked()
    if weight and (sure := surest(ranked, known, text)) is not None:
        return _first(sure.model, said(sure), ranked, choice)
    if not evidence and not fitted:
        return [(name, "") for name in ranked]
    found = choice.explored(ranked[0], rng)
    if found is not None:
        return _first(found[0], f"{EXPLORING}{ranked[0]}: drew {found[1]:.2f}, {choice.why(found[0])}", ranked, choice)
    return _first(ranked[0], f"{choice.why(ranked[0])}, not exploring", ranked, choice)


def _prior(name: str, priors: Mapping[str, Beta], fitted: Mapping[str, Belief], config: Config) -> Beta:
    return priors[name] if name not in fitted else prior(config.models[name], "", fitted=fitted[name])


def _first(name: str, words: str, ranked: list[str], choice: _Choice) -> list[tuple[str, str]]:
    return [(name, words), *choice.told([other for other in ranked if other != name])]
