"""So many at once: of a model and of a provider, until the stream ends; the others wait, and are told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from door import Clock, Door
from hypothesis import given, settings
from hypothesis import strategies as st
from making import config
from served import events_of, outcome, router, until

from routebook.engine.admission.queue import Gate, Gates
from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, DeadlineExceeded
from routebook.events import Waiting
from routebook.messages import PRIORITIES, Delta, Priority
from routebook.testing import Chaos, Fault, ScriptedServer


@pytest.fixture(scope="module")
def slow() -> Iterator[ScriptedServer]:
    """A server that needs 0.1 s for an answer of ten tokens."""
    with ScriptedServer(script=Chaos(tokens=10, tokens_per_s=100)) as server:
        yield server


@pytest.fixture(scope="module")
def slower() -> Iterator[ScriptedServer]:
    """A server that needs a second for an answer of ten tokens."""
    with ScriptedServer(script=Chaos(tokens=10, tokens_per_s=10)) as server:
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


async def two_ahead(asked: Router, model: str, group: asyncio.TaskGroup) -> None:
    """Let one request be with a model that takes one, and a second wait for it."""
    state = asked.runtime().known.state(model)
    group.create_task(asked.ask("first"))
    await until(lambda: state.in_flight == 1)
    group.create_task(asked.ask("second"))
    await until(lambda: state.queued == 1)


def test_who_waits_is_told_the_place_and_the_model(slower: ScriptedServer) -> None:
    """A cell that stands still without a word looks broken."""

    async def main() -> list[Waiting]:
        async with router(slower, models={"told": {"max_concurrent": 1}}) as asked, asyncio.TaskGroup() as ahead:
            await two_ahead(asked, "told", ahead)
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
            await asyncio.wait_for(asked.ask("second"), 20)
            assert asked.runtime().known.state("freed").in_flight == 0

    asyncio.run(main())


def test_an_expected_wait_comes_from_what_was_seen(slower: ScriptedServer) -> None:
    """`place 3` says little when nobody knows how long an answer takes."""

    async def main() -> list[Waiting]:
        async with router(slower, models={"timed": {"max_concurrent": 1}}) as asked, asyncio.TaskGroup() as ahead:
            await asked.ask("so that something was seen")
            await two_ahead(asked, "timed", ahead)
            async with events_of(asked, "third") as events:
                return [event async for event in events if isinstance(event, Waiting)]

    first, *_ = asyncio.run(main())
    assert first.place == 2
    assert first.expected_s is not None
    assert 1.5 < first.expected_s < 30


def test_a_queue_too_long_for_the_deadline_leads_to_the_next_candidate_at_once() -> None:
    """Waiting first and failing then is the worst of both."""

    async def main(server: ScriptedServer) -> None:
        async with router(server, models={"long": {"max_concurrent": 1}, "near": {}}, route={"try": ["long", "near"]}) as asked:
            await asked.ask("so that something was seen", model="long")
            ahead = [asyncio.create_task(asked.ask(f"{number}", model="long")) for number in range(12)]
            await until(lambda: asked.runtime().known.state("long").queued == 11)
            answer = await asked.ask("in a hurry", deadline_s=5)
            assert answer.model == "near"
            assert "11 requests waiting" in answer.attempt.reason
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    with ScriptedServer(models={"long": Chaos(tokens=10, tokens_per_s=5), "near": Chaos(tokens=2)}) as server:
        asyncio.run(main(server))


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

    asyncio.run(asyncio.wait_for(main(), 20))


def test_a_failure_inside_gives_the_place_back() -> None:
    """Errors are the common case on free tiers; each would take a slot with it."""
    with ScriptedServer(faults=[Fault(kind="server_error")]) as server:

        async def main() -> None:
            async with router(server, models={"m": {"max_concurrent": 1}}) as asked:
                for _ in range(3):
                    assert isinstance(await outcome(asked), AllAttemptsFailed)

        asyncio.run(asyncio.wait_for(main(), 30))
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
@settings(max_examples=80)
def test_limits_hold_and_nobody_is_forgotten_whatever_happens(steps: list[tuple[str, int]], capacity: int | None) -> None:
    """Never one too many inside, no place lost, and in the end everyone was served."""

    async def main() -> None:
        crowd = Crowd(capacity)
        for what, number in steps:
            await crowd.step(what, number)
        await crowd.end()

    asyncio.run(asyncio.wait_for(main(), 30))


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
