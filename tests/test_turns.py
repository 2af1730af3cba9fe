"""Whose turn it is at a limit that several kernels share."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from counted import Kernel, Machine

from routebook.books.claims import Admitted, Wait


@pytest.mark.parametrize(("late_s", "is_in"), [(50, False), (61, True)])
def test_the_lowest_priority_waits_no_longer_than_its_handicap_for_higher_ones_of_other_kernels(
    tmp_path: Path, late_s: float, *, is_in: bool
) -> None:  # fmt: skip
    """A P3 of one notebook is served in the end, however many P0 another one sends."""
    machine = Machine()
    low, high = (Kernel(tmp_path / "books.db", machine, max_concurrent=1) for _ in range(2))

    async def main() -> bool:
        under_way = await high.begin()
        assert isinstance(under_way, Admitted)
        assert isinstance(await low.begin(rank_s=60), Wait)
        machine.sleep(late_s / 2)
        high.books.renew()
        await high.books.write(lambda _: None)
        machine.sleep(late_s / 2)
        assert isinstance(await low.begin(rank_s=60 - late_s), Wait)
        await high.end(under_way)
        next_one = await high.begin(rank_s=0)  # a P0 that comes now
        return isinstance(next_one, Wait) and next_one.kind == "turn" and isinstance(await low.begin(rank_s=60 - late_s), Admitted)

    with contextlib.closing(low.books), contextlib.closing(high.books):
        assert asyncio.run(main()) == is_in


@pytest.mark.parametrize("limits", [{"max_concurrent": 2}, {"rpm": 2}, {"tpm": 200}, {"rpd": 2}, {"tpd": 200}], ids=str)
def test_room_for_one_more_is_for_who_came_first_and_room_for_both_is_for_both(tmp_path: Path, limits: dict[str, int]) -> None:
    """A place that nobody may have helps nobody."""
    machine = Machine()
    first, second, third = (Kernel(tmp_path / "books.db", machine, **limits) for _ in range(3))

    async def main() -> None:
        await third.leave_word(rank_s=-10)
        assert isinstance(await second.begin(), Admitted)  # one of two
        waits = await second.begin()
        assert isinstance(waits, Wait)
        assert waits.kind == "turn"
        assert isinstance(await first.begin(rank_s=-20), Admitted)  # it waited longer still

    with contextlib.closing(first.books), contextlib.closing(second.books), contextlib.closing(third.books):
        asyncio.run(main())


def test_who_does_not_look_again_is_not_waited_for(tmp_path: Path) -> None:
    """Its kernel was killed, or stands still."""
    machine = Machine()
    gone, here = (Kernel(tmp_path / "books.db", machine, max_concurrent=1) for _ in range(2))

    async def main() -> None:
        await gone.leave_word(rank_s=-10)
        assert isinstance(await here.begin(), Wait)
        machine.sleep(3)
        assert isinstance(await here.begin(), Admitted)

    with contextlib.closing(gone.books), contextlib.closing(here.books):
        asyncio.run(main())


def test_who_gives_up_makes_room_at_once(tmp_path: Path) -> None:
    """A cell that is stopped, or found another model, must not hold up other notebooks."""
    machine = Machine()
    gone, here = (Kernel(tmp_path / "books.db", machine, max_concurrent=1) for _ in range(2))

    async def main() -> None:
        await gone.leave_word(rank_s=-10)
        gone.books.give_up(gone.claim())
        await gone.books.write(lambda _: None)
        assert isinstance(await here.begin(), Admitted)

    with contextlib.closing(gone.books), contextlib.closing(here.books):
        asyncio.run(main())
