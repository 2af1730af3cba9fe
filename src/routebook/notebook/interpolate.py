"""`{{name}}` in a prompt becomes a variable's value. Plain names only: JSON, LaTeX, f-strings and CSS pass untouched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from routebook.errors import UsageError
from routebook.near import did_you_mean

NAME: Final = re.compile(r"\{\{[ \t]*([^\W\d]\w*)[ \t]*\}\}")
ROWS: Final = 5
"""Rows of a table that are shown to a model."""
MOST: Final = 200_000
"""Characters of one value; beyond it a variable was surely not meant."""


def interpolate(prompt: str, names: Mapping[str, Any]) -> str:
    """Replace each `{{name}}`: strings as they are, tables as schema, head and size, anything else by `str`.

    Raises:
        UsageError: a name is not defined, with the nearest ones that are; or a value is far too long.
    """
    missing = [name for name in dict.fromkeys(NAME.findall(prompt)) if name not in names]
    if missing:
        own = [name for name in names if not name.startswith("_")]
        hints = "; ".join(f"{{{{{name}}}}}: {did_you_mean(name, own)}" if own else f"{{{{{name}}}}}" for name in missing)
        raise UsageError(f"The prompt uses what is not defined: {hints} (--raw leaves {{{{…}}}} as it is.)")
    return NAME.sub(lambda match: _shown(match[1], names[match[1]]), prompt)


def _shown(name: str, value: Any) -> str:  # noqa: ANN401  any variable
    text = value if isinstance(value, str) else _table(value) or str(value)
    if len(text) > MOST:
        raise UsageError(f"{{{{{name}}}}} is {len(text):,} characters long; at most {MOST:,} are sent. Send a part of it, or a summary.")
    return text


def _table(value: Any) -> str | None:  # noqa: ANN401  any variable
    """A pandas DataFrame or Series as its schema, first rows and size; `None` for anything else. Read without importing pandas."""
    kind = type(value)
    if not kind.__module__.startswith("pandas.") or kind.__name__ not in ("DataFrame", "Series"):
        return None
    frame = value if kind.__name__ == "DataFrame" else value.to_frame()
    rows, columns = frame.shape
    schema = "\n".join(f"  {column}: {dtype}" for column, dtype in frame.dtypes.items())
    return f"DataFrame with {rows:,} rows and {columns} columns\n{schema}\nfirst rows:\n{frame.head(ROWS).to_csv(index=False).rstrip()}"
