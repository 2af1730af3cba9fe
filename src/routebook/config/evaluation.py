"""`[evaluation]`: how the models are evaluated where `%route evaluate` does not say, and how often one wants to be reminded of it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta

from routebook.config.lines import KeyPath
from routebook.config.problems import Problems
from routebook.config.table import Table
from routebook.config.wording import shown

_EVERY: Final = re.compile(r"(\d{1,4})\s*([hdw])")
_HOURS: Final = {"h": 1, "d": 24, "w": 168}


class Evaluation(Table, frozen=True, kw_only=True):
    """`[evaluation]`."""

    every: str | None = None
    """Say so, in one line a session, when the last evaluation is longer ago than this, or a model has no profile yet: `"7d"`, `"12h"`, `"2w"`.
    Nothing runs by itself."""
    suite: str | None = None
    """A TOML file, relative to `routing.toml`; without it the built-in suite."""
    models: tuple[str, ...] = ()
    """Models, pools and providers; without them all that can be reached."""
    budget: Annotated[Decimal, Meta(extra={"ge": 0, "le": 1_000_000})] | None = None
    """US dollars for one evaluation."""
    judge: str | None = None
    """The model that judges answers which no other check can."""


def seconds_of(every: str) -> float | None:
    """The seconds of a span like `7d`; `None` when it is none."""
    match = _EVERY.fullmatch(every.strip())
    return None if match is None or not int(match[1]) else int(match[1]) * _HOURS[match[2]] * 3600.0


def check_evaluation(entry: Evaluation, *, problems: Problems) -> None:
    """Add a problem for a span that is none."""
    path: KeyPath = ("evaluation", "every")
    if entry.every is not None and seconds_of(entry.every) is None:
        problems.add(path, f"expected a span of hours, days or weeks, got {shown(entry.every)}.", hint='Write it like every = "7d".')
