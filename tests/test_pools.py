"""A pool of tokens: one allowance for many models, held to over all kernels, and how long it will last."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from making import attempt, config
from served import entry, router

from routebook.books import pools
from routebook.books.books import Books
from routebook.books.claims import Admitted, Claim
from routebook.books.pools import PoolState, TokenPool, token_pools
from routebook.errors import PoolSpent
from routebook.testing import ScriptedServer

ZONE = ZoneInfo("Europe/Berlin")
ZEN = TokenPool(name="zen", tokens=1000, per="month", alerts=(0.5, 0.9), models=frozenset({"dear", "near"}))


class Kernel:
    """Books with pools, and a clock."""

    def __init__(self, path: Path, *allowances: TokenPool) -> None:
        """Several may share the path."""
        self.now = dt.datetime(2026, 11, 1, 12, tzinfo=ZONE)
        self.books = Books(str(path), budgets={}, now=lambda: self.now)
        self.books.pools = allowances

    def reserve(self, tokens: int, model: str = "dear") -> int:
        """Let an attempt in that may use so many tokens."""
        begin = attempt(model=model, status="running", cost_usd=None)
        claim = Claim(scopes=(), input_tokens=1, tokens=tokens)
        found = asyncio.run(self.books.admit(begin, need_usd=None, claim=claim))
        assert isinstance(found, Admitted)
        return found.row

    def settle(self, row: int, tokens: int, model: str = "dear") -> tuple[str, ...]:
        """End it."""
        end = attempt(model=model, input_tokens=tokens - 1, output_tokens=1)
        return asyncio.run(self.books.finish(row, end))

    def use(self, tokens: int, model: str = "dear") -> tuple[str, ...]:
        """Both."""
        return self.settle(self.reserve(tokens, model), tokens, model)

    def state(self) -> PoolState:
        """What is left."""
        (found,) = self.books.read(lambda connection: list(pools.states(connection, self.books.pools, now=self.now)))
        return found


@pytest.fixture
def kernels(tmp_path: Path) -> Iterator[list[Kernel]]:
    """Two that share their books."""
    made = [Kernel(tmp_path / "books.db", ZEN) for _ in range(2)]
    with contextlib.ExitStack() as stack:
        for kernel in made:
            stack.callback(kernel.books.close)
        yield made


def test_all_models_of_a_pool_in_all_kernels_use_up_one_allowance(kernels: list[Kernel]) -> None:
    """Twenty million tokens are one number, whichever of nineteen models they went to."""
    one, two = kernels
    one.use(400, "dear")
    held = two.reserve(500, "near")
    two.use(5000, "elsewhere")
    with pytest.raises(PoolSpent) as caught:
        one.reserve(200)
    assert (caught.value.used_tokens, caught.value.needed_tokens) == (900, 200)
    assert "The pool 'zen' has 1,000 tokens a month; 900 are used or reserved and this call may need 200." in str(caught.value)
    assert "It resets at 2026-12-01 00:00." in str(caught.value)
    assert (one.state().used, one.state().reserved, one.state().left) == (400, 500, 100)
    two.settle(held, 100, "near")
    one.use(200)
    assert (one.state().used, one.state().reserved) == (700, 0)


def test_a_pool_is_whole_again_when_its_time_is_over(kernels: list[Kernel]) -> None:
    """On the first of the month."""
    kernel = kernels[0]
    kernel.use(1000)
    with pytest.raises(PoolSpent):
        kernel.reserve(1)
    kernel.now = dt.datetime(2026, 12, 1, tzinfo=ZONE)
    kernel.use(1000)


def test_each_share_of_a_pool_is_said_once(kernels: list[Kernel]) -> None:
    """Before it is too late to write shorter prompts."""
    notes = [kernels[number % 2].use(100) for number in range(10)]
    assert [number for number, note in enumerate(notes) if note] == [4, 8]
    assert notes[8] == ("The pool 'zen' passed 90% of its 1,000 tokens a month: 900 are used.",)


def test_a_forecast_needs_two_days_and_says_how_sure_it_is(kernels: list[Kernel]) -> None:
    """An even pace is near certain, an uneven one is not, and a slow one lasts."""
    kernel = kernels[0]
    kernel.books.pools = (TokenPool(name="zen", tokens=30_000, per="month", alerts=(), models=frozenset({"dear"})),)
    kernel.use(2000)
    assert kernel.state().forecast is None
    assert kernel.state().outlook.startswith("Too little was used yet")
    for day in range(2, 6):
        kernel.now = dt.datetime(2026, 11, day, 9, tzinfo=ZONE)
        kernel.use(2000)
    even = kernel.state().forecast
    assert even is not None
    assert (even.days, even.daily_tokens) == (4, 2000)
    assert even.soonest == even.runs_out == even.latest == kernel.now + dt.timedelta(days=10)
    assert "about 2,000 tokens a day, it runs out about Sun 15 Nov" in kernel.state().outlook
    kernel.now = dt.datetime(2026, 11, 6, 9, tzinfo=ZONE)
    kernel.use(8000)
    kernel.now = dt.datetime(2026, 11, 7, 9, tzinfo=ZONE)
    uneven = kernel.state().forecast
    assert uneven is not None
    assert uneven.soonest is not None
    assert uneven.runs_out is not None
    assert uneven.soonest < uneven.runs_out
    kernel.now = dt.datetime(2026, 11, 30, 9, tzinfo=ZONE)
    kernel.use(1)
    assert "lasts until it is whole again Tue 01 Dec 00:00" in kernel.state().outlook or "Too little" in kernel.state().outlook


def test_four_of_five_forecasts_are_right() -> None:
    """It says "most likely between"; simulated users must find it so."""
    rng, right = random.Random(3), 0
    for _ in range(300):
        daily = [max(0, round(rng.gauss(1000, 400))) for _ in range(60)]
        left, start = 8000, dt.datetime(2026, 1, 1, tzinfo=ZONE)
        found = pools._forecast(daily[:10], left=left, resets_at=start + dt.timedelta(days=300), now=start)
        assert found is not None
        total, day = 0.0, 10
        while total + daily[day] < left:
            total, day = total + daily[day], day + 1
        gone = start + dt.timedelta(days=day - 10 + (left - total) / daily[day])
        right += (found.soonest or gone) <= gone <= (found.latest or gone)
    assert 0.72 < right / 300 < 0.95


def test_a_pool_counts_what_a_provider_lists_and_models_by_their_ids() -> None:
    """Its members may be named in each way in which a route may name them."""
    made = config(
        providers={"ollama": {"kind": "ollama", "discover": True}},
        models={"near": {"provider": "ollama", "id": "qwen3:8b"}, "ollama/other": {"provider": "ollama", "id": "other"}},
        pools={
            "all": {"models": ["ollama"], "tokens": 5, "per": "day"},
            "one": {"models": ["near"], "tokens": 7},
            "free": {"models": ["near"]},
        },
        routes=[{"name": "chat", "try": ["all"]}],
    )
    found = {pool.name: pool for pool in token_pools(made)}
    assert set(found) == {"all", "one"}
    assert found["all"].models == {"near", "ollama/other"}
    assert found["one"].models == {"near"}
    assert (found["one"].tokens, found["one"].per, found["one"].alerts) == (7, "month", (0.8, 0.95))


def test_a_spent_pool_leads_to_a_model_outside_of_it() -> None:
    """Through real sockets: the first answer fits, the second goes elsewhere."""
    with ScriptedServer() as server:
        of = router(
            server,
            providers={"p": entry(server)},
            models={"a": {}, "b": {}},
            pools={"zen": {"models": ["a"], "tokens": 290, "per": "day"}},
            route={"try": ["zen", "b"]},
        )

        async def main() -> list[str]:
            async with of:
                return [(await of.ask("hello there", max_tokens=250)).model for _ in range(3)]

        assert asyncio.run(main()) == ["a", "a", "b"]


def test_a_grant_does_not_come_back(tmp_path: Path) -> None:
    """Free tokens that were given once are gone once: a new month must not look like new tokens."""
    grant = TokenPool(name="grant", tokens=1000, per="ever", alerts=(0.5,), models=frozenset({"dear"}))
    kernel = Kernel(tmp_path / "books.db", grant)
    assert kernel.use(600) == ("The pool 'grant' passed 50% of its 1,000 tokens in all: 600 are used.",)
    kernel.now += dt.timedelta(days=400)
    assert kernel.state().left == 400
    assert "whole again" not in kernel.state().outlook
    with pytest.raises(PoolSpent, match=r"in all; 600 are used or reserved and this call may need 500\. They do not come back"):
        kernel.reserve(500)
    kernel.use(400)
    assert kernel.state().outlook == "It is used up."


def test_a_grant_has_a_forecast(tmp_path: Path) -> None:
    """Twenty million tokens: how long?"""
    grant = TokenPool(name="grant", tokens=100_000, per="ever", alerts=(), models=frozenset({"dear"}))
    kernel = Kernel(tmp_path / "books.db", grant)
    for tokens in (900, 1000, 1100, 1000):
        kernel.use(tokens)
        kernel.now += dt.timedelta(days=1)
    assert "about 1,000 tokens a day, it runs out about " in kernel.state().outlook
    assert "whole again" not in kernel.state().outlook
