"""What the user wrote about answers, as a tidy frame."""

from __future__ import annotations

import pandas as pd

from routebook.books import notes as written
from routebook.books.books import Books


def notes(books: Books) -> pd.DataFrame:
    """Return one row for each note, the oldest first.

    Columns: `time` (`datetime64[us, UTC]`, when it was written), `request_id`, `attempt`, `task`, `model`, `feedback` (as in the frame, NaN without
    one), `note`. With `request_id` and `attempt` it joins the frame.
    """
    found = books.read(written.notes)
    frame = pd.DataFrame(found, columns=list(written.Note._fields))
    return frame.assign(
        time=pd.to_datetime(frame["time"].astype("int64"), unit="us", utc=True).astype("datetime64[us, UTC]"),
        feedback=frame["feedback"].astype(float),
    ).astype({"request_id": "str", "attempt": "int64", "task": "category", "model": "category", "note": "str"})
