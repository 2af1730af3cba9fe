"""A time as one types it: `30min`, `2h`, `7d`, `4w`."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from routebook.errors import UsageError

_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(min|h|d|w)")
_UNITS: Final = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(text: str) -> dt.timedelta:
    """The time that a text names. Raises `UsageError` for one that names none."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise UsageError(f"--since takes a time such as 30min, 2h, 7d or 4w, and {text!r} is none.")
    return dt.timedelta(**{_UNITS[match[2]]: float(match[1])})
