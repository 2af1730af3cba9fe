"""The budget of an evaluation. A call is made only when the most that it may cost is there; who is too dear is left out, the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal


class Fund:
    """What was spent, and what calls under way may cost; together never more than the budget."""

    def __init__(self, budget_usd: Decimal | None) -> None:
        """`None` for no budget."""
        self.budget_usd = budget_usd
        self.spent_usd = Decimal(0)
        self.unpriced = 0
        """Calls whose cost nobody knows."""
        self._held = Decimal(0)
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def hold(self, need_usd: Decimal | None) -> AsyncIterator[bool]:
        """Hold what a call may cost, `None` where the price is unknown; wait while calls under way hold what it needs.

        Yields:
            Whether it is there: false where the call could exceed the budget, whatever those under way will have cost.
        """
        if self.budget_usd is None or need_usd == 0:
            yield True
            return
        async with self._changed:
            await self._changed.wait_for(lambda: need_usd is None or self._is_over(need_usd) or self._has(need_usd))
            if need_usd is None or self._is_over(need_usd):
                need_usd = Decimal(0)
            self._held += need_usd
        try:
            yield bool(need_usd)
        finally:
            async with self._changed:
                self._held -= need_usd
                self._changed.notify_all()

    def pay(self, cost_usd: Decimal | None) -> None:
        """Count what a call did cost; before its hold ends."""
        self.spent_usd += cost_usd or Decimal(0)
        self.unpriced += cost_usd is None

    def _is_over(self, need: Decimal) -> bool:
        return self.spent_usd + need > (self.budget_usd or Decimal(0))

    def _has(self, need: Decimal) -> bool:
        return self.spent_usd + self._held + need <= (self.budget_usd or Decimal(0))
