"""One prompt a row: `{{column}}` becomes the row's value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from routebook.errors import UsageError
from routebook.near import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

COLUMN: Final = re.compile(r"\{\{[ \t]*([^{}]*?)[ \t]*\}\}")


def columns_of(template: str, columns: Iterable[object]) -> list[str]:
    """The columns that a template uses, each once.

    Raises:
        UsageError: it uses none, or one that is not there.
    """
    used = list(dict.fromkeys(COLUMN.findall(template)))
    there = [str(column) for column in columns]
    if not used:
        raise UsageError(
            f"The template uses no column, so every row would ask the same. Write {{{{column}}}}; there are {', '.join(there)}."
        )
    for name in used:
        if name not in there:
            raise UsageError(f"The frame has no column {name!r}. {did_you_mean(name, there)}".rstrip())
    return used


def prompts_of(frame: pd.DataFrame, template: str) -> list[str | None]:
    """The prompt of each row; `None` where a value that it uses is missing.

    Raises:
        UsageError: as `columns_of`.
    """
    used = columns_of(template, frame.columns)
    whole = frame[[column for column in frame.columns if str(column) in used]]
    is_whole = whole.notna().all(axis=1).tolist()
    rows: Sequence[dict[Any, Any]] = whole.rename(columns=str).to_dict("records")
    return [fill(template, row) if ok else None for row, ok in zip(rows, is_whole, strict=True)]


def fill(template: str, row: dict[str, Any]) -> str:
    """A template with the values of a row; what stands in a value is not looked at again."""
    return COLUMN.sub(lambda found: str(row[found[1]]), template)
