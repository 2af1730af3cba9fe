"""Books with attempts in them, and the frame of these."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import random
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pandas as pd
from making import attempt

from routebook.books import ledger
from routebook.books.books import Books
from routebook.messages import Attempt
from routebook.tables.frame import frame

FIRST = dt.datetime(2026, 11, 1, 8, 0, tzinfo=dt.UTC)
MODELS: tuple[dict[str, Any], ...] = (
    {"model": "small", "provider": "mac", "tier": "local", "cost_usd": Decimal(0)},
    {"model": "fast", "provider": "groq", "tier": "free", "cost_usd": Decimal(0)},
    {"model": "dear", "provider": "claude", "tier": "paid", "cost_usd": Decimal("0.004")},
    {"model": "riddle", "provider": "zen", "tier": "paid", "cost_usd": None},
)
"""The last one has no known price."""


def recorded(attempts: Iterable[Attempt]) -> pd.DataFrame:
    """The frame of books that hold these attempts."""
    books = Books(":memory:", budgets={})

    async def write() -> None:
        await books.write(lambda connection: [ledger.start(connection, one, session="s") for one in attempts])

    try:
        asyncio.run(write())
        return frame(books)
    finally:
        books.close()


def many(count: int, *, seed: int = 0) -> list[Attempt]:
    """Attempts of four models in three tiers, every ten minutes."""
    rng = random.Random(seed)
    models = itertools.cycle(MODELS)
    return [
        attempt(
            request_id=f"r{number}",
            time=FIRST + dt.timedelta(minutes=10 * number),
            task=rng.choice(["chat_qa", "bug_fix", "writing"]),
            ttft_s=rng.random(),
            latency_s=1 + rng.random(),
            baseline_usd=Decimal("0.004"),
            **next(models),
        )
        for number in range(count)
    ]
