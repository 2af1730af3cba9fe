"""How much was asked, how much of it failed, and how often another model had to answer: by model, by agent, for the whole."""

from __future__ import annotations

from typing import Final

import pandas as pd

_NOT_SENT: Final = ("running", "cached")


def active_hours(frame: pd.DataFrame) -> int:
    """In how many hours of the clock anything was asked: nights and weekends do not thin a rate out."""
    return int(frame["time"].dt.floor("h").nunique())


def left(frame: pd.DataFrame) -> pd.Series:
    """Which attempts were left for another model: the next attempt of the same request is a fallback. One truth value a row."""
    fallen = frame.loc[frame["kind"] == "fallback", "request_id"].unique()
    some = frame.loc[frame["request_id"].isin(fallen), ["request_id", "attempt", "kind"]].sort_values(["request_id", "attempt"])
    follows = (some["kind"].shift(-1) == "fallback") & (some["request_id"].shift(-1) == some["request_id"])
    return follows.reindex(frame.index, fill_value=False)


def error_rate(failed: int, part: pd.DataFrame) -> float:
    """The share of the attempts that were sent and are over that failed, 0 to 1; NaN when there are none."""
    ended = int((~part["status"].isin(_NOT_SENT)).sum())
    return failed / ended if ended else float("nan")
