"""What an evaluation came to: every answer with its score, and what has none, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from routebook.books.evaluations import Result
from routebook.evaluation.suite import Item
from routebook.messages import Value


class Graded(NamedTuple):
    """One answer and what it was worth."""

    item: Item
    result: Result


class Missing(NamedTuple):
    """One prompt that a model has no score for."""

    item: Item
    model: str
    why: str


class Evaluated(Value, frozen=True, kw_only=True):
    """The whole of it."""

    suite: str
    models: tuple[str, ...]
    """Those that were asked."""
    graded: tuple[Graded, ...]
    missing: tuple[Missing, ...]
    left_out: Mapping[str, str]
    """Models that were not asked, each with its reason."""
    notes: tuple[str, ...]
    """What its reader should know besides."""
    kept: int
    """Answers of an earlier, unfinished run, which were not asked again."""
    spent_usd: Decimal
    """By this call, judges included."""
    unpriced: int
    """Calls whose cost nobody knows."""
    budget_usd: Decimal | None
