"""What a run would cost before it is made: how many of its requests are in the cache, and what the others would cost."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from routebook.books import cache
from routebook.engine.cache.cacheable import cache_key
from routebook.engine.runtime import Runtime
from routebook.messages import Plan, Value


class ReplayCost(Value, frozen=True, kw_only=True):
    """What asking some requests would cost now. US dollars, estimated for their prompts and a typical answer of the first candidate."""

    replayed: int
    """Requests that the cache answers, or that repeat one before them."""
    asked: int
    """Requests that would be sent."""
    cost_usd: Decimal
    """What those would cost, as far as their price is known."""
    unpriced: int
    """Those of them whose price is unknown."""
    replayed_usd: Decimal
    """What the replayed ones cost when they were asked, as far as it is known: with `fresh` it would be spent again."""
    replayed_unpriced: int
    """Those of them whose cost is unknown."""


def replay_cost(runtime: Runtime, plans: Iterable[Plan]) -> ReplayCost:
    """Say what carrying out some plans would cost, in their order; nothing is sent, and nothing counts as used.

    Raises:
        BooksError: the books cannot be read.
    """
    planned = [(plan, cache_key(runtime.config, plan)) for plan in plans]
    keys = {found[0] for _, found in planned if found is not None}
    kept = runtime.books.read(lambda connection: cache.look(connection, keys)) if keys else {}
    now = runtime.now()
    sent: list[Decimal | None] = []
    saved: list[Decimal | None] = []
    asked: set[bytes] = set()
    for plan, found in planned:
        key, life_s = found or (b"", 0.0)
        if found is not None and not plan.request.fresh and key in asked:
            saved.append(Decimal(0))
        elif not plan.request.fresh and key in kept and cache.is_alive(kept[key], life_s=life_s, now=now):
            saved.append(kept[key].cost_usd)
        else:
            asked.add(key)
            sent.append(plan.candidates[0].expected_cost_usd if plan.candidates else Decimal(0))
    return ReplayCost(
        replayed=len(saved),
        asked=len(sent),
        cost_usd=_sum(sent),
        unpriced=sent.count(None),
        replayed_usd=_sum(saved),
        replayed_unpriced=saved.count(None),
    )


def _sum(costs: Iterable[Decimal | None]) -> Decimal:
    return sum((cost for cost in costs if cost is not None), Decimal(0))
