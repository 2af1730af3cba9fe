"""The knob `quality`, 0 to 1: how good and how dear the answers of a frame's prompts would be at each of its settings.

A model is chosen for each prompt as `pick = "best"` does it (`plan/best.py`): what is believed of it weighed against what a call costs. Exploring and
memory are left out, because they are no setting.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from routebook.classifier.classify import classify
from routebook.learn.measures import Floats
from routebook.plan.best import DEAR_USD
from routebook.tables.points import OWN_KINDS
from routebook.tables.totals import ANSWERED
from routebook.tables.trade import LEAST, expected, graded_parts, is_graded, voted

STEPS: Final = 21
"""Settings: 0, 0.05, …, 1."""
MOST_PROMPTS: Final = 2_000
"""Prompts that are looked at; of more, as many spread evenly."""
_NAMED: Final = 4


class _Prompts(NamedTuple):
    """What is known of some prompts: a row each, a column for each model."""

    models: list[str]
    believed: Floats
    costs: Floats
    """US dollars of a call, as expected."""
    worth: Floats
    """What the answers were worth, or are believed to be."""
    paid: Floats
    """What they cost, or are believed to."""
    strength: Floats


def settings(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each setting: `setting`, `quality` (0 to 1), `usd_1000` (US dollars for a thousand prompts), `to` (which models, in words).

    Empty where the frame has no votes or no prices.

    Args:
        frame: attempts with votes, as `router.frame()` gives them, or graded prompts, as `router.evaluate` takes them.
    """
    known = _of_graded(frame) if is_graded(frame) else _of_votes(frame)
    if known is None:
        return pd.DataFrame({"setting": [], "quality": [], "usd_1000": [], "to": []})
    rows = np.arange(len(known.strength))
    found = []
    for setting in np.linspace(0, 1, STEPS).round(2):
        chosen = _chosen(known, float(setting))
        quality, usd = known.worth[rows, chosen].mean(), known.paid[rows, chosen].mean()
        found.append({"setting": float(setting), "quality": quality, "usd_1000": 1000 * usd, "to": _shares(chosen, known.models)})
    return pd.DataFrame(found)


def _chosen(known: _Prompts, setting: float) -> NDArray[np.intp]:
    """The model of each prompt at a setting; of equals the cheaper."""
    weight = np.minimum(1.0, setting * (1 + known.strength))[:, None]
    dearness = np.minimum(1.0, known.costs / DEAR_USD)
    worth = np.where(weight > 0, weight * known.believed - (1 - weight) * dearness, -known.costs)
    chosen: NDArray[np.intp] = np.argmax(worth - 1e-12 * known.costs, axis=1)
    return chosen


def _of_graded(frame: pd.DataFrame) -> _Prompts | None:
    prompts, models, outcomes, costs = graded_parts(frame)
    if not prompts:
        return None
    if len(prompts) >= LEAST:
        believed, believed_costs = expected(prompts, models, outcomes, costs)
    else:
        believed, believed_costs = (np.broadcast_to(values.mean(axis=0), values.shape) for values in (outcomes, costs))
    some = np.unique(np.linspace(0, len(prompts) - 1, min(len(prompts), MOST_PROMPTS)).round().astype(int))
    strength = np.array([classify(prompts[at]).strength for at in some])
    return _Prompts(models, believed[some], believed_costs[some], outcomes[some], costs[some], strength)


def _of_votes(frame: pd.DataFrame) -> _Prompts | None:
    models = voted(frame)
    names = models["model"].tolist()
    asked = frame[frame["status"].isin(ANSWERED) & frame["kind"].isin(OWN_KINDS)].tail(MOST_PROMPTS)
    if not names or asked.empty:
        return None
    votes = (
        frame[frame["feedback"].notna()].astype({"task": str, "model": str}).groupby(["task", "model"])["feedback"].agg(["sum", "count"])
    )
    tasks = asked["task"].astype(str)
    kinds = list(dict.fromkeys(tasks))
    overall = dict(zip(names, models["quality"], strict=True))
    table = np.array([[_believed(votes, task, name, overall[name]) for name in names] for task in kinds])
    believed = table[[kinds.index(task) for task in tasks]]
    costs = np.broadcast_to(models["usd_1000"].to_numpy(dtype=float) / 1000, believed.shape)
    return _Prompts(names, believed, costs, believed, costs, asked["strength"].fillna(0).to_numpy(dtype=float))


def _believed(votes: pd.DataFrame, task: str, model: str, overall: float) -> float:
    """The mean vote on a model at a task, leaning to its mean vote at all as if that were two votes."""
    if (task, model) not in votes.index:
        return overall
    total, count = votes.loc[(task, model)]
    return float((total + 2 * overall) / (count + 2))


def _shares(chosen: NDArray[np.intp], models: list[str]) -> str:
    """`qwen 71 %, claude 29 %`, the most used first."""
    counts = np.bincount(chosen, minlength=len(models))
    order = [at for at in np.argsort(-counts, kind="stable") if counts[at]]
    said = [f"{models[at]} {counts[at] / len(chosen):.0%}" for at in order[:_NAMED]]
    return ", ".join(said) + (f" and {len(order) - _NAMED} more" if len(order) > _NAMED else "")
