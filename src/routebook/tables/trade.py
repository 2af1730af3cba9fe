"""Quality against cost: where each model stands, which of them nobody beats, and on graded prompts what choosing between them reaches."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from routebook.errors import UsageError
from routebook.learn.measures import Floats, choices, hull
from routebook.tables.interval import wilson
from routebook.tables.points import MOST_MODELS, OWN_KINDS
from routebook.tables.totals import ANSWERED

COST: Final = "|total_cost"
"""What stands behind a model's name in the column of what its answer cost, as `router.evaluate` reads it."""
LEAST: Final = 30
"""Different prompts below which nothing is learned, so that no routed curve is drawn."""
MOST_STEPS: Final = 60
"""Points of a curve."""
KEPT: Final = 0.95
SINGLE, RANDOM, ROUTED, ORACLE = "one model for all", "a model at random", "routed", "oracle"


def voted(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the models of an attempts' frame that have votes and a known price, the best first.

    Columns: `what` (always `SINGLE`), `model`, `tier`, `votes`, `quality` (mean vote, 0 to 1), `low` and `high` (its 95 % interval), `usd_1000`
    (US dollars for a thousand answers), `front` (nobody is better for less).
    """
    votes = frame[frame["feedback"].notna()].groupby("model", observed=True)["feedback"]
    answered = frame[frame["status"].isin(ANSWERED) & frame["kind"].isin(OWN_KINDS) & frame["cost_usd"].notna()]
    calls = answered.groupby("model", observed=True)
    found = pd.DataFrame(
        {"tier": calls["tier"].last(), "votes": votes.size(), "quality": votes.mean(), "usd_1000": 1000 * calls["cost_usd"].mean()}
    )
    most = found.dropna().nlargest(MOST_MODELS, "votes").rename_axis("model").reset_index()
    return _models(most.astype({"model": str, "tier": str, "votes": "int64"}))


def is_graded(frame: pd.DataFrame) -> bool:
    """Whether the frame holds prompts with what each model's answer was worth and cost, as `router.evaluate` takes it."""
    columns = [str(column) for column in getattr(frame, "columns", ())]
    return "prompt" in columns and any(column.endswith(COST) for column in columns)


def graded(frame: pd.DataFrame) -> tuple[pd.DataFrame, float | None]:
    """Return the models and the curves of a graded frame, and the share of the best model's cost that routing saves at 95 % of its quality.

    Columns as those of `voted`, but `prompts` for `votes` and no tier. `what` is `SINGLE`, `RANDOM` (any model, by chance), `ROUTED` (each prompt
    judged by a fit that had not learned from it; from 30 prompts on) or `ORACLE` (as if the outcomes were known before).

    Raises:
        UsageError: fewer than two models have outcomes and costs, or they are out of their range.
    """
    prompts, names, outcomes, costs = graded_parts(frame)
    if not prompts:
        return _models(pd.DataFrame({"model": [], "prompts": [], "quality": [], "usd_1000": []})), None
    means = pd.DataFrame({"model": names, "prompts": len(prompts), "quality": outcomes.mean(axis=0), "usd_1000": 1000 * costs.mean(axis=0)})
    models = _models(means.nlargest(MOST_MODELS, "quality"))
    chance = pd.DataFrame({"what": [RANDOM], "quality": [outcomes.mean()], "usd_1000": [1000 * costs.mean()]})
    oracle = _reached(outcomes, costs, outcomes, costs)
    routed = _routed(prompts, names, outcomes, costs) if len(prompts) >= LEAST else None
    curves = [_curve(ROUTED, routed)] if routed is not None else []
    parts = [models, chance, *curves, _curve(ORACLE, oracle)]
    whole = pd.concat(parts, ignore_index=True).assign(front=lambda points: points["front"].eq(True))  # noqa: FBT003  missing is no
    return whole, None if routed is None else _saved(routed, models)


def _models(means: pd.DataFrame) -> pd.DataFrame:
    """The models with their intervals, the best first."""
    ordered = means.sort_values("quality", ascending=False, ignore_index=True)
    count = ordered["votes" if "votes" in ordered.columns else "prompts"].to_numpy(dtype=float)
    low, high = wilson(ordered["quality"].to_numpy(dtype=float), count)
    front = _front(ordered["usd_1000"].to_numpy(dtype=float), ordered["quality"].to_numpy(dtype=float))
    return ordered.assign(what=SINGLE, low=low, high=high, front=front)


def _front(usd: Floats, quality: Floats) -> list[bool]:
    """Which are beaten by nobody who costs no more."""
    best, kept = -np.inf, set()
    for place in sorted(range(len(usd)), key=lambda i: (usd[i], -quality[i])):
        if quality[place] > best:
            best = quality[place]
            kept.add(place)
    return [place in kept for place in range(len(usd))]


def graded_parts(frame: pd.DataFrame) -> tuple[list[str], list[str], Floats, Floats]:
    """Return the prompts (each once, with the means of its rows), models, outcomes and costs; rows with a value missing are left out.

    Raises as `graded` does.
    """
    names = [column for column in map(str, frame.columns) if f"{column}{COST}" in frame.columns]
    if len(names) < 2:  # noqa: PLR2004  there is nothing to choose from
        raise UsageError(
            f"A graded frame needs for two models or more a column with outcomes (0 to 1) and one called MODEL{COST} with US dollars; "
            f"this one has them for {', '.join(names) or 'none'}."
        )
    columns = [*names, *(f"{name}{COST}" for name in names)]
    try:
        numbers = frame[columns].astype(float)
    except (TypeError, ValueError):
        raise UsageError(f"The columns {', '.join(columns[:6])}, … must hold numbers, and one of them holds something else.") from None
    if (numbers < 0).to_numpy().any() or (numbers[names] > 1).to_numpy().any():
        raise UsageError(f"Outcomes must be from 0 to 1 and costs 0 or more; among {', '.join(names[:6])} some are not.")
    merged = numbers.assign(prompt=frame["prompt"]).dropna().groupby("prompt", sort=False).mean()
    return list(merged.index), names, merged[names].to_numpy(), merged[columns[len(names) :]].to_numpy()


def expected(prompts: list[str], names: list[str], outcomes: Floats, costs: Floats) -> tuple[Floats, Floats]:
    """Return what a fit expects of each prompt by each model, outcomes and US dollars; no prompt is judged by a fit that learned from it."""
    from routebook.learn.fitted import learn

    found = learn(prompts, dict(zip(names, outcomes.T.tolist(), strict=True)), costs=dict(zip(names, costs.T.tolist(), strict=True)))
    return found.outcomes, found.costs


def _routed(prompts: list[str], names: list[str], outcomes: Floats, costs: Floats) -> tuple[Floats, Floats]:
    return _reached(*expected(prompts, names, outcomes, costs), outcomes, costs)


def _reached(expected: Floats, expected_costs: Floats, outcomes: Floats, costs: Floats) -> tuple[Floats, Floats]:
    """Cost and quality of a prompt along the knob, from the cheapest to the best."""
    chosen = choices(expected, expected_costs)
    rows = np.arange(len(outcomes))
    return hull(costs[rows, chosen].mean(axis=1), outcomes[rows, chosen].mean(axis=1))


def _curve(what: str, reached: tuple[Floats, Floats]) -> pd.DataFrame:
    usd, quality = reached
    some = np.unique(np.linspace(0, len(usd) - 1, min(len(usd), MOST_STEPS)).round().astype(int))
    return pd.DataFrame({"what": what, "quality": quality[some], "usd_1000": 1000 * usd[some]})


def _saved(routed: tuple[Floats, Floats], models: pd.DataFrame) -> float:
    """Share of the best model's cost that is saved while 95 % of its quality is kept, 0 to 1."""
    (usd, quality), best = routed, models.iloc[0]
    wanted = KEPT * best["quality"]
    if quality[-1] < wanted or best["usd_1000"] <= 0:
        return 0.0
    return max(0.0, float(1 - 1000 * np.interp(wanted, quality, usd) / best["usd_1000"]))
