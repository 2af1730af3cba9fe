"""The ledger as a tidy frame: one row for each attempt, typed so that it groups, plots and saves without repair."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from routebook.books.books import Books
from routebook.books.ledger import COLUMNS, columns

ORDER: Final = (
    "time", "request_id", "attempt", "kind", "notebook", "cell_id", "task", "complexity", "strength", "route", "agent", "priority",
    "model", "provider", "tier", "pool", "status", "error_type", "error", "queue_s", "ttft_s", "latency_s",
    "input_tokens", "cached_tokens", "output_tokens", "tokens_estimated", "cost_usd", "baseline_usd", "finish_reason", "feedback", "reason",
)  # fmt: skip
"""The columns, as `docs/frame.md` lists them: when and where, what, by whom, how it ended, what it took."""
CATEGORIES: Final = (
    "kind", "notebook", "cell_id", "task", "route", "agent", "priority", "model", "provider", "tier", "pool", "status",
    "error_type", "finish_reason",
)  # fmt: skip
COUNTS: Final = ("input_tokens", "cached_tokens", "output_tokens")
FIGURES: Final = ("complexity", "strength", "queue_s", "ttft_s", "latency_s", "feedback")
MONEY: Final = ("cost_usd", "baseline_usd")


def frame(books: Books) -> pd.DataFrame:
    """Return all attempts, in the order they were made.

    Columns and types: `time` is `datetime64[us, UTC]`; names are categories; token counts are nullable integers; seconds, scores and
    dollars are floats, NaN where unknown (an unknown price is not a price of 0); `tokens_estimated` is bool. Feedback is 1 good, 0 bad.

    Raises:
        BooksError: the books cannot be read.
    """
    _, rows = books.read(columns)
    stored = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(COLUMNS, ())
    return pd.DataFrame({name: _typed(name, stored[name]) for name in ORDER})


def _typed(name: str, values: tuple[object, ...]) -> object:
    """One column as pandas has it best."""
    if name == "time":
        return pd.to_datetime(np.array(values, dtype="int64"), unit="us", utc=True).as_unit("us")
    if name in CATEGORIES:
        return pd.Categorical(values)
    if name in COUNTS:
        return pd.array(list(values), dtype="Int64")
    if name in MONEY:
        return np.array([np.nan if value is None else value for value in values], dtype=float) / 1e12
    if name in FIGURES:
        return np.array([np.nan if value is None else value for value in values], dtype=float)
    if name == "attempt":
        return np.array(values, dtype="int64")
    return np.array(values, dtype=bool) if name == "tokens_estimated" else pd.array(list(values), dtype="str")
