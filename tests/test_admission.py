"""So many at once, and the order in which the others wait."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import config
from served import events_of, outcome, router, until

from routebook.engine.admission.queue import HANDICAP_S, Gate, Gates
from routebook.errors import AllAttemptsFailed, DeadlineExceeded
from routebook.events import Waiting
from routebook.messages import PRIORITIES, Delta, Priority
from routebook.testing import Chaos, Fault, ScriptedServer


class Clock:
    """Seconds that go on when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """As `time.monotonic`."""
        return self.now


class Door:
    """A gate and those who came to it, by name, in the order they were let in."""

    def __init__(self, capacity: int | None = 1, **models: int) -> None:
        self.clock = Clock()
        self.gate = Gate(capacity, models=models, clock=self.clock)
        self.inside: list[str] = []
        self.sent_away: list[str] = []
        self.places: dict[str, list[int]] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, priority: Priority = "P2", *, model: str = "m", requester: str = "") -> None:
        """Come to the gate, and wait there as long as it takes."""

        async def enter() -> None:
            places = self.places.setdefault(name, [])
            if await self.gate.enter(model, priority=priority, on_place=places.append, requester=requester):
                self.inside.append(name)
            else:
                self.sent_away.append(name)

        self.tasks[name] = asyncio.create_task(enter())
        await asyncio.sleep(0)

    async def leave(self, *, model: str = "m") -> None:
        """One leaves; whoever is next enters."""
        self.gate.leave(model)
        await asyncio.sleep(0)

    async def drain(self) -> None:
        """Everyone leaves, one after the other."""
        while self.gate.queue:
            await self.leave()


@pytest.fixture(scope="module")
def slow() -> Iterator[ScriptedServer]:
    """A server that needs 0.1 s for an answer of ten tokens."""
    with ScriptedServer(script=Chaos(tokens=10, tokens_per_s=100)) as server:
        yield server


def test_no_more_calls_reach_the_server_than_the_model_and_the_provider_allow(slow: ScriptedServer) -> None:
    """A server on the user's own machine thrashes, and a free tier answers 429, when one more comes at once."""

    async def main() -> None:
        asked = router(slow, models={"two": {"max_concurrent": 2}, "free": {}}, provider={"max_concurrent": 3})
        async with asked:
            prompts = [asked.ask(f"question {number}", model="two" if number % 2 else "free") for number in range(24)]
            answers = await asyncio.gather(*prompts)
        assert len(answers) == 24

    asyncio.run(main())
    assert slow.seen.peak_by_model["two"] == 2
    assert slow.seen.peak_concurrent == 3


def test_a_place_is_held_until_the_stream_ends(slow: ScriptedServer) -> None:
    """A streaming model is busy for as long as it talks, not until its first word."""

    async def main() -> None:
        async with router(slow, models={"held": {"max_concurrent": 1}}) as asked:
            await asyncio.gather(asked.ask("first"), asked.ask("second"))

    asyncio.run(main())
    first, second = [call for call in slow.seen.calls if call.model == "held"]
    assert first.ended_s is not None
    assert second.time_s >= first.ended_s


def test_who_waits_is_told_the_place_and_the_model(slow: ScriptedServer) -> None:
    """A cell that stands still without a word looks broken."""

    async def main() -> list[Waiting]:
        async with router(slow, models={"told": {"max_concurrent": 1}}) as asked, asyncio.TaskGroup() as ahead:
            for name in ("first", "second"):
                ahead.create_task(asked.ask(name))
                await asyncio.sleep(0.02)
            async with events_of(asked, "third") as events:
                return [event async for event in events if isinstance(event, Waiting)]

    waited = asyncio.run(main())
    assert [(event.model, event.place) for event in waited] == [("told", 2), ("told", 1)]


def test_closing_a_stream_gives_its_place_to_the_next(slow: ScriptedServer) -> None:
    """The stop button must not leave a slot taken by nobody."""

    async def main() -> None:
        async with router(slow, models={"freed": {"max_concurrent": 1}}) as asked:
            async with events_of(asked, "first") as events:
                async for event in events:
                    if isinstance(event, Delta):
                        break
            await asyncio.wait_for(asked.ask("second"), 1)
            assert asked.runtime().known.state("freed").in_flight == 0

    asyncio.run(main())


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
        await asyncio.sleep(0.05)
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


def test_an_expected_wait_comes_from_what_was_seen(slow: ScriptedServer) -> None:
    """`place 3` says little when nobody knows how long an answer takes."""

    async def main() -> list[Waiting]:
        async with router(slow, models={"timed": {"max_concurrent": 1}}) as asked, asyncio.TaskGroup() as ahead:
            await asked.ask("so that something was seen")
            for name in ("first", "second"):
                ahead.create_task(asked.ask(name))
                await asyncio.sleep(0.02)
            async with events_of(asked, "third") as events:
                return [event async for event in events if isinstance(event, Waiting)]

    first, *_ = asyncio.run(main())
    assert first.place == 2
    assert first.expected_s is not None
    assert 0.15 < first.expected_s < 3


def test_a_queue_too_long_for_the_deadline_leads_to_the_next_candidate_at_once(slow: ScriptedServer) -> None:
    """Waiting first and failing then is the worst of both."""

    async def main() -> None:
        async with router(slow, models={"long": {"max_concurrent": 1}, "near": {}}, route={"try": ["long", "near"]}) as asked:
            await asked.ask("so that something was seen", model="long")
            ahead = [asyncio.create_task(asked.ask(f"{number}", model="long")) for number in range(12)]
            await until(lambda: asked.runtime().known.state("long").queued == 11)
            answer = await asked.ask("in a hurry", deadline_s=0.6)
            assert answer.model == "near"
            assert "11 requests waiting" in answer.attempt.reason
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

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


def test_a_model_at_its_limit_does_not_hold_up_another_of_the_same_provider() -> None:
    """The queue is one, but who has room goes."""

    async def main() -> list[str]:
        door = Door(2, one=1)
        await door.come("one a", model="one")
        await door.come("one b", model="one")
        await door.come("other", model="other")
        return door.inside

    assert asyncio.run(main()) == ["one a", "other"]


def test_nobody_holds_a_place_at_the_model_while_waiting_for_the_provider() -> None:
    """Else a batch that waits at the provider would keep an urgent cell from even reaching that queue."""

    async def main() -> list[str]:
        door = Door(1, m=2)
        for name in ("inside", "P3 a", "P3 b"):
            await door.come(name, "P3")
        await door.come("urgent", "P0")
        await door.drain()
        return door.inside

    assert asyncio.run(main()) == ["inside", "urgent", "P3 a", "P3 b"]


def test_models_without_a_limit_do_not_wait() -> None:
    """No limit in the file is no limit."""

    async def main() -> None:
        gate = Gates(clock=Clock()).of("small", config=config())
        for _ in range(100):
            await gate.enter("small", priority="P3", on_place=lambda _: pytest.fail("it waited"))

    asyncio.run(asyncio.wait_for(main(), 1))


def test_a_failure_inside_gives_the_place_back() -> None:
    """Errors are the common case on free tiers; each would take a slot with it."""
    with ScriptedServer(faults=[Fault(kind="server_error")]) as server:

        async def main() -> None:
            async with router(server, models={"m": {"max_concurrent": 1}}) as asked:
                for _ in range(3):
                    assert isinstance(await outcome(asked), AllAttemptsFailed)

        asyncio.run(asyncio.wait_for(main(), 10))
    assert server.seen.attempts >= 3


class Crowd:
    """Comes, leaves and cancels in any order, and checks at each entry that nobody is one too many."""

    LIMITS = {"one": 1, "two": 2}  # noqa: RUF012  never changed

    def __init__(self, capacity: int | None) -> None:
        self.gate = Gate(capacity, models=self.LIMITS, clock=Clock())
        self.inside: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def enter(self, priority: Priority, model: str) -> None:
        """Come in, in time."""
        await self.gate.enter(model, priority=priority, on_place=lambda _: None)
        self.inside.append(model)
        assert self.gate.capacity is None or len(self.inside) <= self.gate.capacity
        assert all(self.inside.count(name) <= most for name, most in self.LIMITS.items())

    async def step(self, what: str, number: int) -> None:
        """One thing that happens."""
        if what == "come":
            model = ("one", "two", "free")[number % 3]
            self.tasks.append(asyncio.create_task(self.enter(PRIORITIES[number % 4], model)))
        elif what == "leave" and self.inside:
            self.gate.leave(self.inside.pop(number % len(self.inside)))
        elif what == "cancel" and self.tasks:
            self.tasks[number % len(self.tasks)].cancel()
        elif what == "breathe":
            await asyncio.sleep(0)

    async def end(self) -> None:
        """All who still wait come in, and all leave."""
        while self.inside or not all(task.done() for task in self.tasks):
            await self.step("leave", 0)
            await asyncio.sleep(0)
        await asyncio.gather(*self.tasks, return_exceptions=True)
        assert all(task.cancelled() or task.exception() is None for task in self.tasks)
        assert (self.gate.inside, self.gate.queue) == (0, 0)


happenings = st.tuples(st.sampled_from(["come", "come", "leave", "cancel", "breathe"]), st.integers(0, 30))


@given(steps=st.lists(happenings, max_size=60), capacity=st.sampled_from([None, 1, 3]))
@settings(max_examples=80, deadline=None)
def test_limits_hold_and_nobody_is_forgotten_whatever_happens(steps: list[tuple[str, int]], capacity: int | None) -> None:
    """Never one too many inside, no place lost, and in the end everyone was served."""

    async def main() -> None:
        crowd = Crowd(capacity)
        for what, number in steps:
            await crowd.step(what, number)
        await crowd.end()

    asyncio.run(asyncio.wait_for(main(), 5))


def test_a_full_queue_is_answered_before_the_deadline(slow: ScriptedServer) -> None:
    """Waiting for a place counts against the request's time like everything else."""

    async def main() -> None:
        async with router(slow, models={"full": {"max_concurrent": 1}}) as asked:
            ahead = asyncio.create_task(asked.ask("first"))
            await until(lambda: any(call.model == "full" for call in slow.seen.calls))
            with pytest.raises(DeadlineExceeded, match="No place at full came free"):
                await asked.ask("second", deadline_s=0.03)
            await ahead
            assert [attempt.status for attempt in asked.attempts()] == ["timeout"]
            assert asked.runtime().known.state("full").queued == 0

    asyncio.run(main())
