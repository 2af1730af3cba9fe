"""What the charts draw: frames of at most a few hundred points, however many attempts there are."""

from __future__ import annotations

from typing import Final

import pandas as pd

from routebook.messages import TIERS
from routebook.tables.totals import ANSWERED

MOST_MOMENTS: Final = 100
"""Of each tier's running total: three tiers make three hundred points."""
MOST_MODELS: Final = 30
MOST_PAIRS: Final = 200
HALF_MINUTE: Final = pd.Timedelta(seconds=30)
OWN_KINDS: Final = ("answer", "retry", "fallback", "hedge", "cache")
"""Attempts made for a user's prompt, as against our own health checks, warm-ups and judges."""


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
