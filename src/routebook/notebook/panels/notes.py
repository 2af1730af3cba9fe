"""`rb.notes()`: what was written about answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routebook.notebook.here import router_here

if TYPE_CHECKING:  # pandas loads only when a frame is asked for
    import pandas as pd

    from routebook.engine.router import Router


def notes(router: Router | None = None) -> pd.DataFrame:
    """Return one row for each note on an answer, the oldest first: `time, request_id, attempt, task, model, feedback, note`.

    Without a router it reads the books of the notebook's own.
    """
    from routebook.tables.notes import notes as table

    return table((router if router is not None else router_here()).runtime().books)
