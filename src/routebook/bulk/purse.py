"""A budget for many requests at once: each holds a part that it cannot exceed, and gives back what it did not need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Final

_SHARES: Final = 16
"""While nobody knows what a request needs, it gets such a share of what is left."""


class Part:
    """What one request may spend, and what it did."""

    def __init__(self, usd: Decimal | None) -> None:
        """`None` for no limit."""
        self.usd = usd
        self.spent_usd = Decimal(0)


class Purse:
    """The budget. However many requests are under way, their parts and what was spent never exceed it."""

    def __init__(self, budget_usd: Decimal | None, *, spent_usd: Decimal = Decimal(0)) -> None:
        """`None` for no budget; `spent_usd` of it was spent by earlier runs."""
        self.budget_usd, self.spent_usd = budget_usd, spent_usd
        self.is_spent = False
        """What is left is not enough for the next request."""
        self._held = Decimal(0)
        self._need: Decimal | None = None
        self._under_way = 0
        self._changed = asyncio.Condition()

    @property
    def left_usd(self) -> Decimal:
        """What no request holds; of a purse with a budget."""
        return max(Decimal(0), (self.budget_usd or Decimal(0)) - self.spent_usd - self._held)

    def needs(self, usd: Decimal | None) -> None:
        """Learn that a request needs so much to be sent; `None` when nobody knows, so that it is never sent."""
        if usd is None or self.budget_usd is None or usd > self.budget_usd - self.spent_usd:
            self.is_spent = True
        else:
            self._need = max(self._need or usd, usd)

    @asynccontextmanager
    async def part(self) -> AsyncIterator[Part]:
        """Hold a part while a request runs; wait while others hold what it needs. Check `is_spent` before it is used."""
        if self.budget_usd is None:
            part = Part(None)
            yield part
            self.spent_usd += part.spent_usd
            return
        part = await self._take()
        try:
            yield part
        finally:
            async with self._changed:
                self._held -= part.usd or Decimal(0)
                self._under_way -= 1
                self.spent_usd += part.spent_usd
                self._changed.notify_all()

    async def _take(self) -> Part:
        async with self._changed:
            await self._changed.wait_for(lambda: self._need is None or self.left_usd >= self._need or not self._under_way or self.is_spent)
            part = Part(self.left_usd / _SHARES if self._need is None else min(self._need, self.left_usd))
            self._held += part.usd or Decimal(0)
            self._under_way += 1
            return part
