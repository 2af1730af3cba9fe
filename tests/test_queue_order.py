"""The order in which those who wait come in, what each is told of its place, and who leaves the queue."""

from __future__ import annotations

import asyncio

import pytest
from door import Door
from served import until

from routebook.engine.admission.queue import HANDICAP_S


def test_a_higher_priority_overtakes_and_within_one_who_came_first_is_first() -> None:
    """Someone who waits at the screen goes before a batch, and nobody is passed by an equal."""

    async def main() -> list[str]:
        door = Door()
        await door.come("inside")
        for name in ("P3 a", "P2 a", "P1 a", "P3 b", "P0 a", "P2 b", "P1 b", "P0 b"):
            await door.come(name, name[:2])  # type: ignore[arg-type]  # its first two letters are a priority
        await door.drain()
        return door.inside[1:]

    assert asyncio.run(main()) == ["P0 a", "P0 b", "P1 a", "P1 b", "P2 a", "P2 b", "P3 a", "P3 b"]


def test_the_lowest_priority_is_served_within_a_bounded_wait() -> None:
    """A stream of urgent cells that never ends must not starve the batch behind it."""

    async def main() -> float:
        door = Door()
        await door.come("inside")
        await door.come("batch", "P3")
        while "batch" not in door.inside:
            door.clock.now += 1.0
            await door.come(f"urgent {door.clock.now}", "P0")
            await door.come(f"urgent {door.clock.now} too", "P0")  # they come faster than they are served
            await door.leave()
            assert door.clock.now < 1000, "it starves"
        return door.clock.now

    # It ranks level with what comes three handicaps later; what came before that, at two a second, is served at one a second.
    assert asyncio.run(main()) <= 2 * 3 * HANDICAP_S + 2


def test_those_who_ask_take_turns_within_a_priority() -> None:
    """One notebook's Run All must not keep another notebook's single cell waiting behind all of it."""

    async def main() -> list[str]:
        door = Door()
        await door.come("inside", requester="batch")
        for number in range(6):
            await door.come(f"batch {number}", requester="batch")
        await door.leave()
        for number in range(2):
            await door.come(f"cell {number}", requester="other")
        await door.come("urgent", "P0", requester="batch")
        assert door.places["urgent"] == [1]
        await door.drain()
        assert door.places["cell 0"][-1] == 1
        return door.inside[1:]

    served = asyncio.run(main())
    assert served == ["batch 0", "urgent", "cell 0", "batch 1", "cell 1", "batch 2", "batch 3", "batch 4", "batch 5"]


def test_taking_turns_does_not_bring_a_lower_priority_forward() -> None:
    """A requester who was not served yet is first among equals only."""

    async def main() -> list[str]:
        door = Door()
        await door.come("inside", "P1", requester="a")
        for name, priority, requester in (("P1 a", "P1", "a"), ("P1 b", "P1", "a"), ("P2 new", "P2", "b"), ("P1 new", "P1", "c")):
            await door.come(name, priority, requester=requester)  # type: ignore[arg-type]  # they are priorities
        await door.drain()
        return door.inside[1:]

    assert asyncio.run(main()) == ["P1 new", "P1 a", "P1 b", "P2 new"]


def test_a_model_held_at_the_desk_lets_one_in_first_then_more() -> None:
    """Beyond this process there was no room: a thousand that wait need not all ask the books at once."""

    async def main() -> None:
        door = Door(None)
        await door.come("first")
        door.gate.hold("m", 0.01)
        for number in range(6):
            await door.come(f"{number}")
        assert door.inside == ["first"]
        assert door.gate.expected_s("m", 1) == pytest.approx(0.01)
        door.clock.now += 0.01
        await until(lambda: len(door.inside) > 1)
        assert door.inside == ["first", "0"]
        door.gate.opened("m")
        await asyncio.sleep(0)
        assert door.inside == ["first", "0", "1", "2"]
        door.gate.opened("m")
        await asyncio.sleep(0)
        assert len(door.inside) == 7
        for _ in range(4):
            door.gate.opened("m")
        await door.come("late")
        assert door.inside[-1] == "late"

    asyncio.run(main())


def test_who_was_turned_back_keeps_its_rank() -> None:
    """Having asked in vain must not put it behind those that came later."""

    async def main() -> None:
        door = Door(None)
        door.clock.now = 5.0
        door.gate.hold("m", 0.01)
        await door.come("later")
        again: list[int] = []
        turned_back = asyncio.create_task(door.gate.enter("m", priority="P2", on_place=again.append, since=1.0))
        await asyncio.sleep(0)
        assert again == [1]
        assert door.places["later"] == [1, 2]
        for task in (turned_back, *door.tasks.values()):
            task.cancel()

    asyncio.run(main())


def test_those_who_wait_for_a_model_that_will_not_be_back_are_sent_away() -> None:
    """Its day is spent: the next candidate is better than a place in this queue."""

    async def main() -> None:
        door = Door(1)
        await door.come("inside", model="other")
        await door.come("a")
        await door.come("b", model="other")
        door.gate.close("m")
        await asyncio.sleep(0)
        assert (door.sent_away, door.gate.queue, door.places["b"]) == (["a"], 1, [2, 1])

    asyncio.run(main())


def test_who_cancels_leaves_the_queue_and_those_behind_move_up() -> None:
    """A cell that was stopped while waiting must not keep its place."""

    async def main() -> None:
        door = Door()
        for name in ("inside", "a", "b", "c"):
            await door.come(name)
        assert door.gate.queue == 3
        door.tasks["b"].cancel()
        await asyncio.sleep(0)
        assert door.gate.queue == 2
        assert door.places == {"inside": [], "a": [1], "b": [2], "c": [3, 2]}
        await door.drain()
        assert door.inside == ["inside", "a", "c"]

    asyncio.run(main())


def test_who_is_let_in_and_cancelled_at_once_gives_the_place_on() -> None:
    """The place was given but nobody came to take it: without this it would be lost for ever."""

    async def main() -> None:
        door = Door()
        for name in ("inside", "a", "b"):
            await door.come(name)
        door.gate.leave("m")  # "a" has the place now, but has not woken yet
        door.tasks["a"].cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        assert door.inside == ["inside", "b"]
        assert door.gate.inside == 1
        await door.leave()
        assert door.gate.inside == 0

    asyncio.run(main())


def test_each_step_of_the_queue_is_told_once() -> None:
    """The place shown is the place held, and nothing is sent to the page that it shows already."""

    async def main() -> dict[str, list[int]]:
        door = Door()
        for name in ("inside", "a", "b", "c"):
            await door.come(name)
        await door.come("urgent", "P0")
        await door.drain()
        return door.places

    assert asyncio.run(main()) == {"inside": [], "a": [1, 2, 1], "b": [2, 3, 2, 1], "c": [3, 4, 3, 2, 1], "urgent": [1]}


def test_a_long_queue_costs_no_more_for_each_than_a_short_one() -> None:
    """Telling each of a thousand at each step is a million messages: the engine would do nothing else."""

    async def main() -> int:
        door = Door()
        await door.come("inside")
        for number in range(1000):
            await door.come(f"{number}")
        await door.drain()
        assert door.places["999"][-10:] == list(range(10, 0, -1))
        return sum(map(len, door.places.values()))

    assert asyncio.run(main()) < 30_000


def test_who_is_let_in_at_the_desk_and_cancelled_at_once_leaves_the_desk_too() -> None:
    """Nobody else would ever be let ask there."""

    async def main() -> None:
        door = Door(None)
        await door.come("first")
        door.gate.hold("m", 0.01)
        await door.come("a")
        await door.come("b")
        door.clock.now += 0.01
        door.gate.leave("m")  # "a" may ask at the desk now, but has not woken yet
        door.tasks["a"].cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        assert door.inside == ["first", "b"]

    asyncio.run(main())
