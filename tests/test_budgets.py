"""Budgets: exact sums, caps of every scope, and reservations that cannot overspend together."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import attempt
from purse import Purse, purses

from routebook.books.claims import Claim
from routebook.books.money import from_pico, to_pico
from routebook.config.values import Budget
from routebook.errors import BudgetExceeded

purse = pytest.fixture(purses)


dollars = st.decimals(min_value=0, max_value=1000, places=12, allow_nan=False, allow_infinity=False)


@given(costs=st.lists(dollars, min_size=1, max_size=30))
@settings(max_examples=40)
def test_sums_are_exact(costs: list[Decimal]) -> None:
    """A million floats of a tenth of a cent drift; a bill does not."""
    purse = Purse()

    async def spend(cost: Decimal) -> None:
        await purse.settle(await purse.reserve(None), str(cost))

    async def main() -> None:
        await asyncio.gather(*map(spend, costs))

    asyncio.run(main())
    assert purse.spent() == sum(costs)
    purse.books.close()


@given(usd=st.decimals(min_value=0, max_value=1000, places=15, allow_nan=False, allow_infinity=False))
def test_money_is_stored_whole_and_never_rounded_down(usd: Decimal) -> None:
    """A reservation too low by a millionth of a millionth, a million times."""
    assert to_pico(usd) == math.ceil(usd * 10**12)
    assert to_pico(from_pico(to_pico(usd))) == to_pico(usd)


@pytest.mark.parametrize(("pico", "text"), [(10**13, "10"), (12 * 10**14, "1200"), (5 * 10**11, "0.5"), (0, "0"), (10**12, "1")])
def test_money_is_written_as_people_write_it(pico: int, text: str) -> None:
    """`$1E+1` is no price."""
    assert str(from_pico(pico)) == text


SCOPES = {
    "total": {},
    "claude": {"provider": "other"},
    "dear": {"model": "other"},
    "fast": {"pool": "other"},
    "paid": {"tier": "free"},
    "coder": {"agent": "other"},
    "notebook": {"notebook": "other.ipynb"},
}


@pytest.mark.parametrize("name", SCOPES)
def test_each_scope_has_a_cap_of_its_own(name: str, purse: Any) -> None:  # noqa: ANN401
    """Provider, model, pool, tier, agent, notebook and all together: what is outside of the scope is not held up by it."""
    held = purse(**{name: {"daily": 1}})
    inside = {"pool": "fast", "agent": "coder", "notebook": "mine.ipynb"}

    async def main() -> None:
        await held.spend("0.6", **inside)
        error = await held.refusal("0.6", **inside)
        assert (error.scope, error.period, error.cap_usd, error.spent_usd, error.needed_usd) == (
            name, "daily", Decimal(1), Decimal("0.6"), Decimal("0.6"),
        )  # fmt: skip
        if SCOPES[name]:
            await held.spend("0.6", **{**inside, **SCOPES[name]})

    asyncio.run(main())


def test_the_message_names_the_cap_what_is_spent_and_when_it_resets(purse: Any) -> None:  # noqa: ANN401
    """Who is stopped must know by what, and until when."""
    held = purse(claude={"daily": 10})

    async def main() -> BudgetExceeded:
        await held.spend("10")
        error: BudgetExceeded = await held.refusal("0.0000005")
        return error

    said = str(asyncio.run(main()))
    assert "The daily budget of 'claude' is $10; $10 is spent or reserved and this call may need $0.0000005." in said
    assert "It resets at 2026-11-19 00:00." in said
    assert "Raise it in [budgets]" in said


def test_the_tightest_cap_holds(purse: Any) -> None:  # noqa: ANN401
    """Ten dollars a month are no leave to spend them in one hour."""
    held = purse(total={"hourly": 1, "monthly": 10}, claude={"daily": "0.5"})

    async def main() -> None:
        assert (await held.refusal("0.6")).scope == "claude"
        await held.spend("0.9", provider="other")
        assert (await held.refusal("0.2", provider="other")).period == "hourly"
        held.clock.now += dt.timedelta(hours=1)
        await held.spend("0.2", provider="other")

    asyncio.run(main())


def test_fifty_cells_at_once_cannot_overspend_together(tmp_path: Path, purse: Any) -> None:  # noqa: ANN401
    """Two kernels, twenty-five cells each, one dollar: as many calls as a dollar pays for, and not one more."""
    kernels = [purse(str(tmp_path / "books.db"), total={"daily": 1}) for _ in range(2)]

    async def main() -> None:
        asked = [kernels[number % 2].reserve("0.07", request_id=f"r{number}") for number in range(50)]
        rows = await asyncio.gather(*asked, return_exceptions=True)
        let = [(number, row) for number, row in enumerate(rows) if isinstance(row, int)]
        assert len(let) == 14  # 0.98
        assert all(isinstance(row, int | BudgetExceeded) for row in rows)
        for number, row in let:
            await kernels[number % 2].settle(row, "0.01", request_id=f"r{number}")
        for _ in range(12):  # what they did not need is there again: 0.14 + 12 * 0.07 = 0.98
            await kernels[0].reserve("0.07")
        await kernels[1].refusal("0.07")

    asyncio.run(main())
    assert kernels[0].spent() == Decimal("0.14")


@pytest.mark.parametrize("status", ["error", "timeout", "cancelled", "refused"])
def test_what_failed_or_was_stopped_counts_too(status: str, purse: Any) -> None:  # noqa: ANN401
    """The provider bills it."""
    held = purse(total={"daily": 1})

    async def main() -> None:
        await held.settle(await held.reserve("0.9"), "0.7", status=status)
        assert (await held.refusal("0.4")).spent_usd == Decimal("0.7")

    asyncio.run(main())


def test_an_unknown_cost_counts_as_unknown(purse: Any) -> None:  # noqa: ANN401
    """Not as nothing: every total can say how many calls it could not price."""
    held = purse()

    async def main() -> None:
        await held.settle(await held.reserve(None), None)
        await held.spend("0.5")

    asyncio.run(main())
    query = "SELECT calls, unpriced, cost_pusd FROM spending WHERE scope = 'total'"
    assert held.books.read(lambda connection: connection.execute(query).fetchone()) == (2, 1, 5 * 10**11)


def test_a_model_that_costs_nothing_goes_on_when_the_money_is_spent(purse: Any) -> None:  # noqa: ANN401
    """The error's own advice is `--local`: it must not be refused by the same cap because the last call cost more than it reserved."""
    held = purse(total={"daily": 1})

    async def main() -> None:
        await held.settle(await held.reserve("0.9"), "1.1")
        await held.refusal("0.01")
        await held.spend("0", model="small", tier="local")

    asyncio.run(main())


def test_a_cap_may_be_used_to_its_last_cent(purse: Any) -> None:  # noqa: ANN401
    """A dollar is a dollar."""
    held = purse(total={"daily": 1})

    async def main() -> None:
        for _ in range(10):
            await held.spend("0.1")
        await held.refusal("0.000000000001")

    asyncio.run(main())


def test_an_alert_is_said_once_when_it_is_passed(purse: Any) -> None:  # noqa: ANN401
    """Before, nobody wants to hear it; after, nobody wants to hear it again."""
    held = purse(total={"daily": 10, "alert": 1})

    async def main() -> list[tuple[str, ...]]:
        notes = [await held.spend("0.4") for _ in range(5)]
        held.clock.now += dt.timedelta(days=1)
        return [*notes, await held.spend("0.4"), await held.spend("0.7")]

    notes = asyncio.run(main())
    assert [bool(note) for note in notes] == [False, False, True, False, False, False, True]
    assert notes[2] == ("The daily spending of 'total' passed its alert of $1: $1.2000.",)


def test_each_of_several_alerts_is_said_once(purse: Any) -> None:  # noqa: ANN401
    """Half of it, most of it: one who is told only at the end can do nothing any more."""
    held = purse(total={"daily": 10})
    held.books.budgets["total"] = Budget(daily=Decimal(10), alert=(Decimal(3), Decimal(1)))

    async def main() -> list[tuple[str, ...]]:
        return [await held.spend("0.8") for _ in range(5)]

    notes = asyncio.run(main())
    assert [note[0].split(":")[0] if note else "" for note in notes] == [
        "", "The daily spending of 'total' passed its alert of $1", "", "The daily spending of 'total' passed its alert of $3", "",
    ]  # fmt: skip


def test_a_call_whose_price_is_unknown_is_not_sent_under_a_cap(purse: Any) -> None:  # noqa: ANN401
    """Nothing can be reserved for it, so no cap could hold it; the error says how to mend that."""
    held = purse(claude={"daily": 10})

    async def main() -> str:
        with pytest.raises(BudgetExceeded) as caught:
            await held.reserve(None)
        assert caught.value.needed_usd is None
        await held.reserve(None, provider="other")  # no cap there
        await held.reserve(None, tier="free")  # costs nothing, as far as anyone knows
        held.books.budgets["claude"] = Budget(daily=Decimal(10), unpriced=True)
        await held.reserve(None)
        return str(caught.value)

    said = asyncio.run(main())
    assert "The daily budget of 'claude' is $10, and the price of dear is unknown" in said
    assert "[models.dear]" in said
    assert "unpriced = true" in said


def test_attempts_of_one_cell_that_run_at_once_share_its_budget(purse: Any) -> None:  # noqa: ANN401
    """A hedge or a judge beside the first attempt must not spend the cell's money a second time."""
    held = purse()
    claim = Claim(scopes=(), input_tokens=10, tokens=20, cell_usd=Decimal("0.10"))

    async def admit(number: int, request: str = "r1") -> Any:  # noqa: ANN401
        begin = attempt(status="running", cost_usd=None, attempt=number, request_id=request)
        return await held.books.admit(begin, need_usd=Decimal("0.06"), claim=claim)

    async def main() -> None:
        first = await admit(1)
        with pytest.raises(BudgetExceeded, match=r"'this cell' is \$0\.1; \$0\.06 is spent or reserved.*\n.*Raise --budget"):
            await admit(2)
        await admit(1, request="another")
        await held.settle(first.row, "0.03")
        await admit(2)

    asyncio.run(main())
