"""`{{name}}` in a prompt becomes a variable's value. Plain names only: JSON, LaTeX, f-strings and CSS pass untouched."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from routebook.errors import UsageError
from routebook.messages import Answer
from routebook.near import did_you_mean

NAME: Final = re.compile(r"\{\{[ \t]*([^\W\d]\w*)[ \t]*\}\}")
ROWS: Final = 5
"""Rows of a table that are shown to a model."""
MOST: Final = 200_000
"""Characters of a value that is no text; beyond it the variable was surely not meant."""
MOST_TEXT: Final = 10_000_000
"""Characters of a text: more than any window holds, and what is longer than a model handles well may be read in chunks."""


class Used(NamedTuple):
    """A variable that a prompt uses."""

    name: str
    kind: str
    """Its type."""
    characters: int
    """As it goes into the prompt."""


def used(prompt: str, names: Mapping[str, Any]) -> list[Used]:
    """The variables of a prompt, each once, with their sizes; those that are not defined are left out."""
    found = (name for name in dict.fromkeys(NAME.findall(prompt)) if name in names)
    return [Used(name, type(names[name]).__name__, len(_shown(name, names[name]))) for name in found]


def interpolate(prompt: str, names: Mapping[str, Any], *, own: Iterable[str] | None = None) -> str:
    """Replace each `{{name}}`: strings as they are, answers by their text, tables as schema, head and size, anything else by `str`.

    Args:
        prompt: the text.
        names: all that may stand in it.
        own: those of `names` worth suggesting when another is unknown; without it all that are not private.

    Raises:
        UsageError: a name is not defined, with the nearest ones that are; or a value is far too long.
    """
    missing = [name for name in dict.fromkeys(NAME.findall(prompt)) if name not in names]
    if missing:
        near = [name for name in (names if own is None else own) if not name.startswith("_")]
        hints = " ".join(f"{{{{{name}}}}}. {did_you_mean(name, near)}".strip() for name in missing)
        raise UsageError(f"The prompt uses what is not defined: {hints} (--raw leaves {{{{…}}}} as it is.)")
    return NAME.sub(lambda match: _shown(match[1], names[match[1]]), prompt)


def _shown(name: str, value: Any) -> str:  # noqa: ANN401  any variable
    text = value if isinstance(value, str) else value.text if isinstance(value, Answer) else _table(value) or str(value)
    most = MOST_TEXT if isinstance(value, str | Answer) else MOST
    if len(text) > most:
        raise UsageError(f"{{{{{name}}}}} is {len(text):,} characters long; at most {most:,} are sent. Send a part of it, or a summary.")
    return text


def _table(value: Any) -> str | None:  # noqa: ANN401  any variable
    """A pandas DataFrame or Series as its schema, first rows and size; `None` for anything else, and where pandas is not loaded."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(value, (pandas.DataFrame, pandas.Series)):
        return None
    frame = value if isinstance(value, pandas.DataFrame) else value.to_frame()
    rows, columns = frame.shape
    schema = "".join(f"\n  {column}: {dtype}" for column, dtype in frame.dtypes.items())
    is_plain = isinstance(frame.index, pandas.RangeIndex) and frame.index.name is None
    head = frame.head(ROWS).to_csv(index=not is_plain).rstrip()
    return f"DataFrame with {_count(rows, 'row')} and {_count(columns, 'column')}{schema}\nfirst rows:\n{head}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
