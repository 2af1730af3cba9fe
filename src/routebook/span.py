"""A time as one types it: `30min`, `2h`, `7d`, `4w`."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from routebook.errors import UsageError

_SPAN: Final = re.compile(r"(\d{1,4}(?:\.\d{1,6})?)\s*(min|h|d|w)")
_SECONDS: Final = {"min": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}


def seconds_of(text: str) -> float | None:
    """The seconds that a text names; `None` where it names no time, or none at all."""
    match = _SPAN.fullmatch(text.strip())
    return float(match[1]) * _SECONDS[match[2]] or None if match is not None else None


def span(text: str) -> dt.timedelta:
    """The time that a text names. Raises `UsageError` for one that names none."""
    seconds = seconds_of(text)
    if seconds is None:
        raise UsageError(f"--since takes a time such as 30min, 2h, 7d or 4w, and {text!r} is none.")
    return dt.timedelta(seconds=seconds)
