"""`%route frame`: every attempt as a DataFrame."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING

from routebook.errors import UsageError
from routebook.notebook import figures
from routebook.notebook.report import report
from routebook.notebook.session import Session

if TYPE_CHECKING:  # pandas loads only when a frame is asked for
    import pandas as pd


def frame(session: Session, rest: str) -> pd.DataFrame | None:
    """Return the frame, or put it into the variable that `-o` names."""
    words = rest.replace("=", " ").split()
    name = _name(words) if words else None
    found = session.router.frame()
    if name is None:
        return found
    session.shell.user_ns[name] = found
    rows, columns = found.shape
    session.show(report(f"{name}: {figures.plural(rows, 'attempt')}, {columns} columns."))
    return None


def _name(words: list[str]) -> str:
    flags = ("-o", "--out")
    if len(words) == 1 and words[0] not in flags and words[0].startswith("-o"):
        words = ["-o", words[0][2:]]
    if len(words) != 2 or words[0] not in flags:  # noqa: PLR2004  a flag and a name
        raise UsageError(f"%route frame takes -o NAME and nothing else, not {' '.join(words)!r}.")
    if not words[1].isidentifier() or keyword.iskeyword(words[1]):
        raise UsageError(f"-o takes the name of a variable, and {words[1]!r} is none.")
    return words[1]
