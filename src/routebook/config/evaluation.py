"""`[evaluation]`: how the models are evaluated where `%route evaluate` does not say, and how often one wants to be reminded of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from routebook.config.lines import KeyPath
from routebook.config.problems import Problems
from routebook.config.table import Table
from routebook.config.wording import shown
from routebook.span import seconds_of


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


def check_evaluation(entry: Evaluation, *, problems: Problems) -> None:
    """Add a problem for a span that is none."""
    path: KeyPath = ("evaluation", "every")
    if entry.every is not None and seconds_of(entry.every) is None:
        problems.add(path, f"expected a time such as 12h, 7d or 2w, got {shown(entry.every)}.", hint='Write it like every = "7d".')
