"""Books with budgets, and a clock that a test sets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from making import attempt

from routebook.books import budgets as money
from routebook.books.books import Books
from routebook.books.money import from_pico
from routebook.config.values import Budget
from routebook.errors import BudgetExceeded

BERLIN = ZoneInfo("Europe/Berlin")
NOON = dt.datetime(2026, 11, 18, 12, 30, tzinfo=BERLIN)
"""A Wednesday."""


class Clock:
    """The local time, as told."""

    def __init__(self, now: dt.datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        """As `datetime.now` with a zone."""
        return self.now


class Purse:
    """Books with budgets, and a clock."""

    def __init__(self, path: str = ":memory:", **budgets: Mapping[str, Any]) -> None:
        caps = {name: msgspec.convert({key: str(value) for key, value in caps.items()}, Budget) for name, caps in budgets.items()}
        self.clock = Clock()
        self.books = Books(path, budgets=caps, now=self.clock)

    async def reserve(self, usd: str | None, **changes: Any) -> int:  # noqa: ANN401
        """Start an attempt that may cost so much."""
        return await self.books.start(attempt(status="running", cost_usd=None, **changes), need_usd=None if usd is None else Decimal(usd))

    async def settle(self, row: int, usd: str | None, **changes: Any) -> tuple[str, ...]:  # noqa: ANN401
        """End it; return the notes."""
        return await self.books.finish(row, attempt(cost_usd=None if usd is None else Decimal(usd), **changes))

    async def spend(self, usd: str, **changes: Any) -> tuple[str, ...]:  # noqa: ANN401
        """Start and end an attempt that costs what it might."""
        return await self.settle(await self.reserve(usd, **changes), usd, **changes)

    async def refusal(self, usd: str, **changes: Any) -> BudgetExceeded:  # noqa: ANN401
        """The error of an attempt that may not be started."""
        with pytest.raises(BudgetExceeded) as caught:
            await self.reserve(usd, **changes)
        return caught.value

    def spent(self, scope: str = "total") -> Decimal:
        """All that was ever spent in a scope."""
        return from_pico(self.books.read(lambda connection: money.spent_pusd(connection, scope, since=0)))


def purses() -> Iterator[Any]:
    """Makes purses, and closes them."""
    made: list[Purse] = []

    def make(path: str = ":memory:", **budgets: Mapping[str, Any]) -> Purse:
        made.append(Purse(path, **budgets))
        return made[-1]

    yield make
    for one in made:
        one.books.close()
