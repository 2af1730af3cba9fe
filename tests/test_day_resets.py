"""A day that a provider counts by its own clock."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest
from counted import Machine, kernel

from routebook.books.claims import Heard, Wait
from routebook.messages import Quota

FREE_DAY: Final = 86_400.0
HEARD: Final = {
    "by its headers": Heard(scope="p/m", quotas=(Quota(kind="requests", period="day", most=3, left=0, resets_s=7200),), is_answer=True),
    "by a 429": Heard(scope="p/m", cool_s=7200, is_day=True, day_whole_s=7200, reason="RateLimited"),
}


@pytest.mark.parametrize("how", HEARD)
def test_a_day_begins_anew_when_its_provider_says_so(tmp_path: Path, how: str) -> None:
    """A quota that is whole again at midnight must not be held for what was sent yesterday evening."""
    machine = Machine()
    with kernel(tmp_path / "books.db", machine, rpd=3) as one:

        async def main() -> None:
            for number in range(3):
                await one.end(await one.begin(), heard=HEARD[how] if number == 2 else None)
            waits = await one.begin()
            assert isinstance(waits, Wait)
            assert waits.until_s == pytest.approx(7200, abs=1), "not 24 hours"
            machine.sleep(7300)
            probe = await one.begin()
            await one.end(probe, heard=Heard(scope="p/m", is_answer=True))
            assert await one.burst() == 2, "three of the new day, no more"
            machine.sleep(FREE_DAY + 700)
            assert await one.burst() == 3

        asyncio.run(main())


def test_a_limit_of_one_s_own_holds_whatever_the_provider_has_left(tmp_path: Path) -> None:
    """The tighter of two limits is meant, and of the provider only the hour of its day is taken."""
    machine = Machine()
    with kernel(tmp_path / "books.db", machine, rpd=3) as one:

        async def main() -> None:
            told = Heard(scope="p/m", quotas=(Quota(kind="requests", period="day", most=1000, left=999, resets_s=7200),), is_answer=True)
            await one.end(await one.begin(), heard=told)
            assert await one.burst() == 2
            machine.sleep(7300)
            assert await one.burst() == 3

        asyncio.run(main())
