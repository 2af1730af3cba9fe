"""Periods of a budget: they begin and end when people's days, weeks and months do."""

from __future__ import annotations

import asyncio
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from purse import BERLIN, purses

from routebook.errors import BudgetExceeded

purse = pytest.fixture(purses)


@pytest.mark.parametrize(
    ("period", "last", "reset"),
    [
        ("hourly", (2026, 11, 18, 12, 59, 59), (2026, 11, 18, 13)),
        ("daily", (2026, 11, 18, 23, 59, 59), (2026, 11, 19)),
        ("weekly", (2026, 11, 22, 23, 59, 59), (2026, 11, 23)),  # a Sunday, and the Monday after it
        ("monthly", (2026, 11, 30, 23, 59, 59), (2026, 12, 1)),
    ],
)
def test_a_budget_is_whole_again_when_its_period_ends_and_not_a_second_before(
    period: str, last: tuple[int, ...], reset: tuple[int, ...], purse: Any  # noqa: ANN401
) -> None:  # fmt: skip
    """Days begin at the user's own midnight, weeks on Monday."""
    held = purse(total={period: 1})

    async def main() -> None:
        await held.spend("1")
        held.clock.now = dt.datetime(*last, tzinfo=BERLIN)  # type: ignore[misc,arg-type]
        error = await held.refusal("0.01")
        assert error.resets_at == dt.datetime(*(*reset, 0)[:4], tzinfo=BERLIN)  # type: ignore[misc,arg-type]
        held.clock.now = error.resets_at
        await held.spend("1")
        await held.refusal("0.01")

    asyncio.run(main())


def test_a_year_s_last_month_ends_with_the_year(purse: Any) -> None:  # noqa: ANN401
    """And February is short."""
    held = purse(total={"monthly": 1})

    async def resets(*day: int) -> dt.datetime | None:
        held.clock.now = dt.datetime(*day, tzinfo=BERLIN)  # type: ignore[misc,arg-type]
        await held.spend("1")
        error: BudgetExceeded = await held.refusal("1")
        return error.resets_at

    assert asyncio.run(resets(2026, 12, 31, 23)) == dt.datetime(2027, 1, 1, tzinfo=BERLIN)
    assert asyncio.run(resets(2027, 1, 31)) == dt.datetime(2027, 2, 1, tzinfo=BERLIN)
    assert asyncio.run(resets(2028, 2, 29)) == dt.datetime(2028, 3, 1, tzinfo=BERLIN)


def fixed(moment: dt.datetime) -> dt.datetime:
    """The same moment as `datetime.now().astimezone()` gives it: with an offset, but without the zone's rules."""
    return moment.astimezone(dt.timezone(moment.utcoffset() or dt.timedelta()))


@pytest.mark.parametrize("seen", [fixed, lambda moment: moment], ids=["offset", "zone"])
@pytest.mark.parametrize("day", [dt.date(2026, 3, 29), dt.date(2026, 10, 25)], ids=["23 hours", "25 hours"])
def test_a_day_on_which_the_clocks_change_is_one_day(day: dt.date, seen: Any, purse: Any) -> None:  # noqa: ANN401
    """Its 23 or 25 hours are one budget, from midnight to midnight, each hour of it counted once."""
    held = purse(total={"daily": 1, "weekly": 10})
    midnight = dt.datetime.combine(day, dt.time(), BERLIN)
    hours = 23 if day.month == 3 else 25

    async def main() -> None:
        for number in range(hours):
            moment = (midnight.astimezone(dt.UTC) + dt.timedelta(hours=number, minutes=30)).astimezone(BERLIN)
            held.clock.now = seen(moment)
            await held.spend("0.04")
        assert held.clock.now.hour == 23
        error = await held.refusal("0.1")
        assert error.spent_usd == Decimal("0.04") * hours
        assert f"{error.resets_at:%Y-%m-%d %H:%M}" == f"{day + dt.timedelta(days=1)} 00:00"
        held.clock.now = seen(dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), BERLIN))
        await held.spend("1")
        assert (await held.refusal("9.9", tier="free")).spent_usd == Decimal(1)

    asyncio.run(main())
