"""What the charts draw: frames of at most a few hundred points, however many attempts there are."""

from __future__ import annotations

import re
from typing import Final, Literal

import pandas as pd

from routebook.messages import TIERS
from routebook.plan.known import WEIGHED
from routebook.tables.interval import wilson
from routebook.tables.totals import ANSWERED

MOST_MOMENTS: Final = 100
"""Of each tier's running total: three tiers make three hundred points."""
MOST_MODELS: Final = 30
MOST_PAIRS: Final = 200
MOST_LINES: Final = 20
MOST_COLUMNS: Final = 15
"""Of the table of tasks and models: tasks down, models across."""
HALF_MINUTE: Final = pd.Timedelta(seconds=30)
OWN_KINDS: Final = ("answer", "retry", "fallback", "hedge", "cache")
"""Attempts made for a user's prompt, as against our own health checks, warm-ups and judges."""
BELIEVED: Final = re.compile(rf"{WEIGHED}([01]\.\d+)")
Show = Literal["count", "outcome", "cost"]


def spending(frame: pd.DataFrame, *, moments: int = MOST_MOMENTS) -> pd.DataFrame:
    """Return the running total by tier: columns `time` (UTC), `tier`, `spent_usd`. Attempts with an unknown cost are not in it."""
    known = frame.loc[frame["cost_usd"].notna(), ["time", "tier", "cost_usd"]].astype({"tier": str}).sort_values("time")
    if known.empty:
        return pd.DataFrame(
            {"time": pd.DatetimeIndex([], dtype="datetime64[us, UTC]"), "tier": pd.array([], dtype="str"), "spent_usd": [0.0] * 0}
        )
    at = _moments(known["time"].min(), known["time"].max(), moments)
    parts = [_running(known[known["tier"] == tier], tier, at) for tier in TIERS if (known["tier"] == tier).any()]
    return pd.concat(parts, ignore_index=True)


def _moments(first: pd.Timestamp, last: pd.Timestamp, count: int) -> pd.DatetimeIndex:
    """Moments evenly spaced from the first to the last attempt, both included; around a single one half a minute, so that it is seen."""
    if last > first:
        return pd.date_range(first, last, periods=count).as_unit("us")
    return pd.DatetimeIndex([first - HALF_MINUTE, first, first + HALF_MINUTE]).as_unit("us")


def _running(own: pd.DataFrame, tier: str, at: pd.DatetimeIndex) -> pd.DataFrame:
    spent = own["cost_usd"].cumsum().to_numpy()
    counts = own["time"].searchsorted(at, side="right")
    return pd.DataFrame({"time": at, "tier": tier, "spent_usd": [spent[count - 1] if count else 0.0 for count in counts]})


def waits(frame: pd.DataFrame) -> pd.DataFrame:
    """Return how long the most used models took, quickest first.

    Columns: `model`, `answers`, `ttft_s` and `latency_s` (medians), `p95_s` (of the whole answer; 19 of 20 were quicker).
    """
    answered = frame[frame["status"].isin(ANSWERED) & frame["kind"].isin(OWN_KINDS)]
    groups = answered.groupby("model", observed=True)
    found = pd.DataFrame(
        {
            "answers": groups.size(),
            "ttft_s": groups["ttft_s"].median(),
            "latency_s": groups["latency_s"].median(),
            "p95_s": groups["latency_s"].quantile(0.95),
        }
    )
    most_used = found.nlargest(MOST_MODELS, "answers").reset_index().astype({"model": str})
    return most_used.sort_values("latency_s", ignore_index=True)


def destinations(frame: pd.DataFrame) -> pd.DataFrame:
    """Return how many prompts of each task which model answered, the most frequent first: columns `task`, `model`, `tier`, `prompts`."""
    answered = frame[frame["status"].isin((*ANSWERED, "cached")) & frame["kind"].isin(OWN_KINDS)]
    last = answered.drop_duplicates("request_id", keep="last")
    counts = last.groupby(["task", "model", "tier"], observed=True).size().reset_index(name="prompts")
    return counts.astype({"task": str, "model": str, "tier": str}).nlargest(MOST_PAIRS, "prompts").reset_index(drop=True)


def savings(frame: pd.DataFrame, *, moments: int = MOST_MOMENTS) -> pd.DataFrame:
    """Return what was paid and what the dearest model of each plan would have cost, running totals: columns `time`, `paid_usd`, `dearest_usd`.

    Attempts of which one of the two is unknown are not in it. An attempt that cost more than that counts as no saving, not as a loss, as in
    `totals`; an answer from the cache saves what it cost when it was asked.
    """
    known = comparable(frame)
    if known.empty:
        return pd.DataFrame({"time": pd.DatetimeIndex([], dtype="datetime64[us, UTC]"), "paid_usd": [0.0] * 0, "dearest_usd": [0.0] * 0})
    at = _moments(known["time"].min(), known["time"].max(), moments)
    dearest = known.assign(cost_usd=known[["cost_usd", "baseline_usd"]].max(axis=1))
    paid = _running(known, "", at)["spent_usd"]
    return pd.DataFrame({"time": at, "paid_usd": paid, "dearest_usd": _running(dearest, "", at)["spent_usd"]})


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """The attempts of which both what they cost and what the dearest model would have cost is known, in the order of time."""
    known = frame.loc[frame["cost_usd"].notna() & frame["baseline_usd"].notna(), ["time", "cost_usd", "baseline_usd", "status"]]
    has_answered = known["status"].isin((*ANSWERED, "cached"))
    baseline = known["baseline_usd"].where(
        has_answered, known["cost_usd"]
    )  # what failed has saved nothing: another call was made in its place
    return known.assign(baseline_usd=baseline).drop(columns="status").sort_values("time")


def cells(frame: pd.DataFrame, show: Show) -> pd.DataFrame:
    """Return a figure for each task and model, at most 20 tasks by 15 models: columns `task`, `model`, `value`, `n` (prompts, votes or answers).

    The tasks and the models with the most behind them come first. `show` is `count` (prompts answered), `outcome` (mean vote) or `cost` (mean US
    dollars of an answer whose price is known).
    """
    answered = frame[frame["status"].isin((*ANSWERED, "cached")) & frame["kind"].isin(OWN_KINDS)]
    if show == "count":
        last = answered.drop_duplicates("request_id", keep="last")
        found = last.groupby(["task", "model"], observed=True)["attempt"].agg(value="size", n="size")
    elif show == "outcome":
        votes = frame[frame["feedback"].notna()]
        found = votes.groupby(["task", "model"], observed=True)["feedback"].agg(value="mean", n="size")
    else:
        called = answered[(answered["status"] != "cached") & answered["cost_usd"].notna()]
        found = called.groupby(["task", "model"], observed=True)["cost_usd"].agg(value="mean", n="size")
    counted = found.reset_index().astype({"task": str, "model": str, "value": float, "n": "int64"})
    for column, most in (("model", MOST_COLUMNS), ("task", MOST_LINES)):
        counted["of"] = counted.groupby(column)["n"].transform("sum")
        kept = counted.sort_values(["of", column], ascending=[False, True])[column].unique()[:most]
        counted = counted[counted[column].isin(kept)].sort_values(["of", column], ascending=[False, True], kind="stable")
    return counted.drop(columns="of").reset_index(drop=True)


def expectations(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what was believed of models when they were chosen, in tenths, against the votes: columns `believed`, `good` (means), `low`, `high`, `votes`.

    What was believed is in the `reason` of attempts that learning had a say in (`believed 0.72 ± 0.11 …`). `low` and `high` are the 95 % interval of
    `good`.
    """
    votes = frame.loc[frame["feedback"].notna(), ["reason", "feedback"]]
    said = votes["reason"].astype("str").str.extract(BELIEVED, expand=False).astype(float)
    told = pd.DataFrame({"believed": said, "good": votes["feedback"]}).dropna()
    groups = told.groupby((told["believed"] * 10).astype(int).clip(upper=9))
    found = groups.mean().assign(votes=groups.size()).reset_index(drop=True)
    low, high = wilson(found["good"].to_numpy(dtype=float), found["votes"].to_numpy(dtype=float))
    return found.assign(low=low, high=high)
