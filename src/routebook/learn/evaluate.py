"""What routing would be worth: quality kept against cost saved, beside the single models, chance and the oracle, each with its interval."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from routebook.learn.measures import Floats, area, choices, hull, recovery

ROUNDS: Final = 300
"""Resamplings of the prompts for an interval."""
KEPT: Final = 0.95


class Figure(NamedTuple):
    """A figure and its 95 % interval over resampled prompts."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


class Single(NamedTuple):
    """One model asked for every prompt."""

    model: str
    quality: float
    cost_usd: float | None
    """For one prompt; `None` where it is not known."""


class Pair(NamedTuple):
    """Choosing between the best and the worst model."""

    strong: str
    weak: str
    apgr: Figure
    cpt50: Figure
    """Strong calls in % that recover half of the gap."""
    cpt80: Figure
    before: float | None
    """APGR of the strength that the shipped weights say."""
    oracle: float


class Money(NamedTuple):
    """Choosing among all models with their costs: areas under quality over cost."""

    area: Figure
    singles: float
    """Of the convex hull of the single models: mixing them without looking at the prompt."""
    chance: float
    """Of the line from the cheapest to the dearest model."""
    oracle: float
    saved: Figure
    """Share of the best single model's cost that is saved while 95 % of its quality is kept, 0 to 1."""


class Evaluation(NamedTuple):
    """What routing would be worth on some prompts."""

    n: int
    how: str
    """By what it was judged, in words."""
    singles: tuple[Single, ...]
    """The best first."""
    pair: Pair | None
    """`None` where no model is better than another."""
    money: Money | None
    """`None` where the costs are not all known."""
    decide_ms: tuple[float, float]
    """Time to decide on a prompt, the classifier's own included: the middle one, and what 95 of 100 stay under."""
    left_out: int = 0
    """Rows that could not be used, or were learned from."""

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The figures in plain words."""
        said = [f"{self.n} prompts, {self.how}." + (f" {self.left_out} rows left out." if self.left_out else "")]
        best = self.singles[0]
        said.append(f"Best single model: {best.model}, quality {best.quality:.3f}{_cost(best)}.")
        if self.pair is not None:
            said += _of_pair(self.pair)
        if self.money is not None:
            said += _of_money(self.money, best)
        said.append(f"Deciding takes {self.decide_ms[0]:.1f} ms a prompt, {self.decide_ms[1]:.1f} ms at most for 95 of 100.")
        return said


def _cost(single: Single) -> str:
    return "" if single.cost_usd is None else f", ${single.cost_usd:.6f} a prompt"


def _of_pair(pair: Pair) -> list[str]:
    before = "" if pair.before is None else f", {pair.before:.3f} before the fit"
    return [
        f"Choosing between {pair.strong} and {pair.weak}: APGR {pair.apgr}{before}; chance 0.500, oracle {pair.oracle:.3f}.",
        f"Half of what {pair.strong} is better comes back with {_share(pair.cpt50)} of its calls, four fifths with {_share(pair.cpt80)}.",
    ]


def _of_money(money: Money, best: Single) -> list[str]:
    saved = money.saved
    return [
        f"Quality over cost: area {money.area}; mixing single models {money.singles:.3f}, chance {money.chance:.3f}, oracle {money.oracle:.3f}.",
        f"Keeping {KEPT:.0%} of the quality of {best.model} saves {saved.value:.0%} of its cost ({saved.low:.0%} to {saved.high:.0%}).",
    ]


def _share(figure: Figure) -> str:
    return f"{figure.value:.0f} % ({figure.low:.0f} to {figure.high:.0f})"


def evaluate(
    models: tuple[str, ...], outcomes: Floats, expected: Floats, *, costs: Floats | None, expected_costs: Floats | None,
    strength: Floats | None, how: str, decide_ms: tuple[float, float], left_out: int = 0, seed: int = 0,
) -> Evaluation:  # fmt: skip
    """Judge expectations by what came.

    Args:
        models: the names of the columns of all tables.
        outcomes: what came, prompt by model, 0 to 1.
        expected: what was expected, prompt by model.
        costs: US dollars, prompt by model.
        expected_costs: what they were expected to be.
        strength: what the shipped weights say of each prompt.
        how: by what it is judged, in words.
        decide_ms: time to decide, p50 and p95.
        left_out: rows that are not among these.
        seed: of the resampling.
    """
    n = len(outcomes)
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=ROUNDS).astype(float)
    mean = outcomes.mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    spent = None if costs is None else costs.mean(axis=0)
    singles = tuple(Single(models[i], float(mean[i]), None if spent is None else float(spent[i])) for i in order)
    has_gap = mean[order[0]] - mean[order[-1]] > 1e-9  # noqa: PLR2004  equal but for rounding
    pair = _pair(models, outcomes, expected, (int(order[0]), int(order[-1])), strength, times) if has_gap else None
    money = None
    if costs is not None and spent is not None and expected_costs is not None and np.ptp(spent) > 0:
        money = _money(outcomes, expected, costs, expected_costs, times)
    return Evaluation(n, how, singles, pair, money, decide_ms, left_out)


def _pair(
    models: tuple[str, ...], outcomes: Floats, expected: Floats, ends: tuple[int, int], strength: Floats | None, times: Floats
) -> Pair:  # fmt: skip
    strong, weak = outcomes[:, ends[0]], outcomes[:, ends[1]]
    score = expected[:, ends[0]] - expected[:, ends[1]]
    curve = recovery(score, strong, weak)
    again = [recovery(score, strong, weak, times=count) for count in times if count @ (strong - weak) > 1e-9]  # noqa: PLR2004
    return Pair(
        models[ends[0]],
        models[ends[1]],
        _figure(curve.apgr, [one.apgr for one in again]),
        _figure(curve.cpt(0.5), [one.cpt(0.5) for one in again]),
        _figure(curve.cpt(0.8), [one.cpt(0.8) for one in again]),
        None if strength is None else recovery(strength, strong, weak).apgr,
        recovery(strong - weak, strong, weak).apgr,
    )


def _money(outcomes: Floats, expected: Floats, costs: Floats, expected_costs: Floats, times: Floats) -> Money:
    cost, quality = _reached(choices(expected, expected_costs), outcomes, costs)
    single_cost, single_quality = costs.mean(axis=0), outcomes.mean(axis=0)
    least, most = float(single_cost.min()), float(single_cost.max())
    oracle_cost, oracle_quality = _reached(choices(outcomes, costs), outcomes, costs)
    share = times / times.sum(axis=1, keepdims=True)
    again = list(zip(share @ cost.T, share @ quality.T, share @ costs, share @ outcomes, strict=True))
    ends = [int(single_cost.argmin()), int(single_cost.argmax())]
    return Money(
        _figure(
            area(cost.mean(axis=1), quality.mean(axis=1), least=least, most=most),
            [area(c, q, least=float(sc.min()), most=float(sc.max())) for c, q, sc, _ in again],
        ),
        area(single_cost, single_quality, least=least, most=most),
        float(single_quality[ends].mean()),
        area(oracle_cost.mean(axis=1), oracle_quality.mean(axis=1), least=least, most=most),
        _figure(
            _saved(cost.mean(axis=1), quality.mean(axis=1), single_cost, single_quality), [_saved(c, q, sc, sq) for c, q, sc, sq in again]
        ),
    )


def _reached(chosen: NDArray[np.intp], outcomes: Floats, costs: Floats) -> tuple[Floats, Floats]:
    """Cost and quality, setting by prompt."""
    rows = np.arange(len(outcomes))
    return costs[rows, chosen], outcomes[rows, chosen]


def _saved(cost: Floats, quality: Floats, single_cost: Floats, single_quality: Floats) -> float:
    best = int(single_quality.argmax())
    along_cost, along_quality = hull(cost, quality)
    wanted = KEPT * single_quality[best]
    if along_quality[-1] < wanted or single_cost[best] <= 0:
        return 0.0
    return float(1 - np.interp(wanted, along_quality, along_cost) / single_cost[best])


def _figure(value: float, again: list[float]) -> Figure:
    low, high = np.percentile(again, [2.5, 97.5])
    return Figure(value, float(low), float(high))
