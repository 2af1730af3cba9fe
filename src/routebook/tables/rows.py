"""Rows of any kind as a DataFrame, for what keeps them otherwise as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def as_frame(rows: Iterable[Mapping[str, Any]], *, columns: Sequence[str], floats: Sequence[str] = ()) -> pd.DataFrame:
    """Return the rows in these columns; what a row lacks is missing, `floats` are `float64` with NaN for what is unknown."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(columns)).astype(dict.fromkeys(floats, "float64"))
