"""Recommendations as a tidy frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

TYPES: Final = {
    "number": "int64", "kind": "category", "change": "str", "evidence": "str", "doubts": "str", "saves_usd": "float64", "saves_s": "float64",
    "over": "int64", "requests": "object",
}  # fmt: skip


def advice_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row for each recommendation; what nobody can know is NaN.

    Columns: `number` (from 1, for `--apply`), `kind`, `change` and `evidence` and `doubts` (in words), `saves_usd` and `saves_s` (US dollars and
    seconds, over as many requests as `over` says; below 0 it takes more), `requests` (a list of the ids that it is drawn from).
    """
    return pd.DataFrame([dict(row) for row in rows], columns=list(TYPES)).astype(TYPES)
