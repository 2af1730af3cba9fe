"""What was spent and where it went, in a few figures: the tables of `%route cost`."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from routebook.tables.traffic import active_hours, error_rate, left

ANSWERED: Final = ("ok", "refused")
"""Attempts that a model answered in full; a replayed answer (`cached`) waited for nothing."""
FAILED: Final = ("rate_limited", "timeout", "error", "lost")
NONE: Final = "(none)"
"""The row of attempts without a value in the column that is grouped by."""


def totals(frame: pd.DataFrame, by: str = "model") -> pd.DataFrame:
    """Return one row for each `by` (`model`, `tier`, `task`, …), the dearest first, and a last row for all.

    Columns: `requests`, `requests_h` (an hour, over the hours of the clock in which anything was asked), `attempts`, `failed`, `error_rate`
    (failed of the attempts that were sent and are over, 0 to 1), `failovers` (attempts after which another model was asked), `tokens`, `cost_usd`
    (of the priced attempts), `unpriced`
    (ended attempts whose cost is unknown), `saved_usd` (against the dearest model of each plan, where both are known), `replayed`
    (requests that the cache answered, or an equal one's call), `replayed_usd` (what these cost when they were asked, where it is known),
    `ttft_s` and `latency_s` (medians of answers). What nothing is known of is NaN, never 0.
    """
    hours, is_left = active_hours(frame), left(frame)
    parts = [_row(_name(value), part, hours, is_left) for value, part in frame.groupby(by, observed=True, dropna=False)]
    parts.sort(key=lambda row: (-_or_zero(row["cost_usd"]), -row["requests"]))
    return pd.DataFrame([*parts, _row("all", frame, hours, is_left)]).set_index("name").rename_axis(by)


def unpriced(frame: pd.DataFrame) -> int:
    """How many attempts ended with a cost that is unknown."""
    return int((frame["cost_usd"].isna() & (frame["status"] != "running")).sum())


def _row(name: str, part: pd.DataFrame, hours: int, is_left: pd.Series) -> dict[str, Any]:
    is_replay = part["kind"] == "cache"
    calls = part[~is_replay]
    answered = calls[calls["status"].isin(ANSWERED)]
    saved = (answered["baseline_usd"] - answered["cost_usd"]).clip(lower=0)  # what failed saves nothing: another call took its place
    replays = part[is_replay & (part["status"] != "cancelled")]
    requests, failed = part["request_id"].nunique(), int(part["status"].isin(FAILED).sum())
    return {
        "name": name,
        "requests": requests,
        "requests_h": requests / hours if hours else float("nan"),
        "attempts": len(part),
        "failed": failed,
        "error_rate": error_rate(failed, part),
        "failovers": int(is_left.loc[part.index].sum()),
        "tokens": int(part["input_tokens"].fillna(0).sum() + part["output_tokens"].fillna(0).sum()),
        "cost_usd": _sum(part["cost_usd"]),
        "unpriced": unpriced(part),
        "saved_usd": _sum(saved),
        "replayed": len(replays),
        "replayed_usd": _sum(replays["baseline_usd"]),
        "ttft_s": answered["ttft_s"].median(),
        "latency_s": answered["latency_s"].median(),
    }


def _sum(known: pd.Series) -> float:
    """The sum of what is known; NaN when there are values and none is known."""
    return float(known.sum(min_count=1)) if len(known) else 0.0


def _name(value: object) -> str:
    return NONE if pd.isna(value) else str(value)


def _or_zero(usd: float) -> float:
    return 0.0 if pd.isna(usd) else float(usd)
