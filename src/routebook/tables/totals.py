"""What was spent and where it went, in a few figures: the table under `%route cost`."""

from __future__ import annotations

import pandas as pd

from routebook.messages import TIERS


def totals(frame: pd.DataFrame, by: str = "model") -> pd.DataFrame:
    """Return one row for each `by` (`model`, `tier`, `task`, …) and a last row for all.

    Columns: `requests`, `attempts`, `failed`, `tokens`, `cost_usd` (of the priced attempts), `unpriced` (attempts whose cost is unknown),
    `saved_usd` (against the dearest model of each plan, where both are known), `ttft_s` and `latency_s` (medians of answers).
    """
    parts = [_row(str(name), part) for name, part in frame.groupby(by, observed=True)]
    return pd.DataFrame([*parts, _row("all", frame)]).set_index("name").rename_axis(by)


def _row(name: str, part: pd.DataFrame) -> dict[str, object]:
    answered = part[part["status"].isin(["ok", "refused"])]
    saved = (part["baseline_usd"] - part["cost_usd"]).clip(lower=0)
    return {
        "name": name,
        "requests": part["request_id"].nunique(),
        "attempts": len(part),
        "failed": int(part["status"].isin(["rate_limited", "timeout", "error", "lost"]).sum()),
        "tokens": int(part["input_tokens"].fillna(0).sum() + part["output_tokens"].fillna(0).sum()),
        "cost_usd": part["cost_usd"].sum(),
        "unpriced": int(part["cost_usd"].isna().sum()),
        "saved_usd": saved.sum(),
        "ttft_s": answered["ttft_s"].median(),
        "latency_s": answered["latency_s"].median(),
    }


def spending(frame: pd.DataFrame, *, points: int = 100) -> pd.DataFrame:
    """Return the running total by tier over time, aggregated to at most `points` moments: columns `time`, `tier`, `spent_usd`."""
    known = frame[["time", "tier", "cost_usd"]].dropna(subset=["cost_usd"])
    tiers = [tier for tier in TIERS if (known["tier"] == tier).any()]
    if known.empty:
        return pd.DataFrame({"time": pd.Series(dtype="datetime64[us, UTC]"), "tier": [], "spent_usd": []})
    first, last = known["time"].min(), known["time"].max()
    moments = pd.date_range(first, last, periods=points).as_unit("us") if last > first else pd.DatetimeIndex([last])
    parts = []
    for tier in tiers:
        own = known[known["tier"] == tier].sort_values("time")
        spent = own["cost_usd"].cumsum().to_numpy()
        at = own["time"].searchsorted(moments, side="right")
        parts.append(pd.DataFrame({"time": moments, "tier": tier, "spent_usd": [spent[i - 1] if i else 0.0 for i in at]}))
    return pd.concat(parts, ignore_index=True)
