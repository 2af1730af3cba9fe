"""Which model answered what share of the prompts, and how fast."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from routebook.messages import ASIDE
from routebook.tables.totals import ANSWERED

ALL: Final = "all"


def shares(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each model that answered, the most used first, and a last row for all, in a frame indexed by model.

    Columns: `prompts` (of the last row: all that were asked and are over), `share` (of the answers, 0 to 1; of the last row: the share of the prompts
    that were answered), `average_s` and `p95_s` (from a prompt to its whole answer: queue, failed attempts and fallbacks included), `fallbacks` (the
    share of the prompts that came after another model had failed). What the cache answered is left out. What nothing is known of is NaN.
    """
    asked = frame[~frame["kind"].isin((*ASIDE, "cache")) & ~frame["status"].isin(("running", "cancelled"))]
    prompts = _prompts(asked)
    answered = prompts[prompts["model"].notna()]
    parts = [_row(str(name), part, of=len(answered)) for name, part in answered.groupby("model", sort=False)]
    parts.sort(key=lambda row: (-row["prompts"], row["model"]))
    whole = {**_row(ALL, answered, of=len(prompts)), "prompts": len(prompts), "fallbacks": _mean(prompts["is_fallback"])}
    return pd.DataFrame([*parts, whole]).set_index("model")


def _prompts(asked: pd.DataFrame) -> pd.DataFrame:
    """One row for each request: who answered it, if anybody did, what it took, and whether it fell back."""
    took_s = asked["queue_s"].fillna(0.0) + asked["latency_s"].fillna(0.0)
    is_answer = asked["status"].isin(ANSWERED) & (asked["finish_reason"] != "tool_calls")
    by_request = asked.assign(took_s=took_s, is_fallback=asked["kind"] == "fallback").groupby("request_id", sort=False)
    found = by_request.agg(took_s=("took_s", "sum"), is_fallback=("is_fallback", "any"))
    answers = asked[is_answer].sort_values("attempt").drop_duplicates("request_id", keep="last")
    return found.assign(model=answers.set_index("request_id")["model"].astype(object).reindex(found.index))


def _row(name: str, part: pd.DataFrame, *, of: int) -> dict[str, Any]:
    return {
        "model": name,
        "prompts": len(part),
        "share": len(part) / of if of else float("nan"),
        "average_s": _mean(part["took_s"]),
        "p95_s": float(part["took_s"].quantile(0.95)) if len(part) else float("nan"),
        "fallbacks": _mean(part["is_fallback"]),
    }


def _mean(values: pd.Series) -> float:
    return float(values.mean()) if len(values) else float("nan")
