"""What a chart needs of a frame, and what it says of one that has nothing to draw."""

from __future__ import annotations

from typing import Final

import pandas as pd

from routebook.errors import UsageError

EMPTY: Final = "Nothing is recorded yet. Run a %%route cell, then draw this again."
UNVOTED: Final = "No answer has a vote yet. Say %route good or %route bad after an answer, then draw this again."


def need(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the frame when it has the columns.

    Raises:
        UsageError: it has not, or is no frame.
    """
    there = [str(column) for column in getattr(frame, "columns", ())]
    missing = [name for name in columns if name not in there]
    if missing:
        raise UsageError(f"A chart needs a frame as router.frame() gives it; this one has no {', '.join(missing)}.")
    return frame
