"""A model that was out comes back by one request's trial, and not by a stampede."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from served import Running, brief, outcome, router, until

from routebook.engine.admission.trials import LONGEST_S
from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, Unavailable
from routebook.events import Started, Waiting
from routebook.messages import Answer
from routebook.testing import Chaos, Fault, ScriptedServer


def cool(of: Router, model: str = "a", *, seconds: float = 0.2, is_told: bool = True, reason: str = "RateLimited") -> None:
    """Take a model out for a while."""
    known = of.runtime().known
    known.state(model).cool(known.clock() + seconds, reason=reason, is_told=is_told)


def test_after_a_cooldown_one_request_tries_and_the_others_wait_for_it() -> None:
    """Twenty cells that come back at once are the next 429."""
    with ScriptedServer(script=Chaos(latency_s=1.5, tokens=3)) as server:

        async def main() -> None:
            async with router(server) as of:
                cool(of)
                asked = [asyncio.create_task(of.ask(f"question {number}")) for number in range(20)]
                await until(lambda: server.seen.attempts)
                await asyncio.sleep(0.2)
                assert server.seen.attempts == 1
                await asyncio.gather(*asked)

        asyncio.run(main())
        first, *others = server.seen.calls
        assert min(call.time_s for call in others) >= first.time_s + 1.4
        assert server.seen.attempts == 20


def test_its_first_word_is_enough() -> None:
    """The others need not wait for the end of a long answer."""
    with ScriptedServer(script=Chaos(tokens=4_000, tokens_per_s=100)) as server:

        async def main() -> None:
            async with router(server) as of:
                cool(of)
                running = [Running(of, f"question {number}") for number in range(5)]
                await until(lambda: server.seen.attempts == 5, within_s=20)
                assert not any(of.runtime().known.state("a").when_tried)
                for one in running:
                    one.stop()
                for one in running:
                    await one.over(within_s=20)

        asyncio.run(main())


def test_while_one_tries_the_others_go_elsewhere_where_they_can() -> None:
    """Waiting is for those who have no choice."""
    with ScriptedServer(models={"a": Chaos(latency_s=1.5), "b": Chaos()}) as server:

        async def main() -> list[str]:
            async with router(server, models=("a", "b")) as of:
                cool(of, seconds=0.05)
                await asyncio.sleep(0.06)
                asked = [asyncio.create_task(of.ask(f"question {number}")) for number in range(5)]
                return sorted([answer.model for answer in await asyncio.gather(*asked)])

        assert asyncio.run(main()) == ["a", "b", "b", "b", "b"]


def test_a_trial_that_fails_keeps_the_model_out_for_longer_each_time() -> None:
    """A server that is down for an hour is not asked every twenty seconds; but it is asked."""
    with ScriptedServer() as server:

        async def main() -> list[float]:
            async with router(server) as of:
                known, trials = of.runtime().known, of.runtime().trials
                error, times = Unavailable("down"), []
                for number in range(9):
                    known.state("a").cooling_until = 0.0
                    trials.cool("a", 20.0, error=error, is_stated=False, is_told=False, is_relapse=number > 0)
                    times.append(known.cooling_s("a"))
                return times

        times = asyncio.run(main())
    for number, seconds in enumerate(times):
        least = min(20.0 * 2**number, LONGEST_S)
        assert least * 0.99 <= seconds <= least * 1.25
    assert len({round(seconds / min(20.0 * 2**number, LONGEST_S), 4) for number, seconds in enumerate(times)}) > 3  # spread


def test_a_stated_time_is_kept_as_it_is_however_often_it_failed() -> None:
    """The provider knows best, in both directions."""
    with ScriptedServer() as server:

        async def main() -> float:
            async with router(server) as of:
                of.runtime().known.state("a").relapses = 5
                of.runtime().trials.cool("a", 3.0, error=Unavailable("x"), is_stated=True, is_told=True, is_relapse=True)
                return of.runtime().known.cooling_s("a")

        assert asyncio.run(main()) == pytest.approx(3.0, abs=0.2)


def test_a_trial_that_fails_is_seen_in_the_cooldown_and_one_that_ends_well_closes_it() -> None:
    """Through sockets: three failures, out, a failed trial, out for longer, back."""
    down = Chaos(faults=(Fault(kind="refused_connection", first=4),))
    with ScriptedServer(models={"a": down, "b": Chaos()}) as server:

        async def main() -> None:
            async with router(server, models=("a", "b")) as of:
                state = of.runtime().known.state("a")
                for _ in range(3):
                    await of.ask("hello")
                assert 18 < of.runtime().known.cooling_s("a") < 26
                state.cooling_until = of.runtime().known.clock()  # time passes
                assert (await of.ask("hello")).model == "b"
                assert state.relapses == 1
                assert 38 < of.runtime().known.cooling_s("a") < 51
                state.cooling_until = of.runtime().known.clock()
                assert (await of.ask("hello")).model == "a"
                assert (state.relapses, state.cooling_until, state.failures) == (0, 0.0, 0)

        asyncio.run(main())


def test_a_trial_that_is_cancelled_leaves_it_to_the_next() -> None:
    """Nobody may wait for ever for a trial that was stopped."""
    with ScriptedServer(script=Chaos(latency_s=0.6, tokens=3)) as server:

        async def main() -> None:
            async with router(server) as of:
                cool(of, seconds=0.01)
                await asyncio.sleep(0.02)
                running = Running(of)
                await until(lambda: running.count(Started))
                other = Running(of)
                await until(lambda: other.count(Waiting))
                running.stop()
                await running.over(within_s=20)
                await other.over(within_s=20)
                assert isinstance(other.result(), Answer)
                assert not of.runtime().known.state("a").is_on_trial

        asyncio.run(main())


def test_who_waits_for_a_trial_that_never_ends_ends_with_its_own_deadline() -> None:
    """A deadline is a promise here too."""
    with ScriptedServer(script=Chaos(latency_s=30)) as server:

        async def main() -> float:
            async with router(server) as of:
                cool(of, seconds=0.01)
                await asyncio.sleep(0.02)
                running = Running(of)
                await until(lambda: running.count(Started))
                begun = time.monotonic()
                assert not isinstance(await outcome(of, deadline_s=0.4), Answer)
                running.stop()
                await running.over(within_s=20)
                return time.monotonic() - begun

        assert asyncio.run(main()) < 15


def test_a_model_left_alone_out_of_caution_is_tried_by_one_and_then_by_those_who_waited() -> None:
    """There is no other model: who waited in vain asks for itself rather than wait in line for a dead one."""
    with ScriptedServer(script=Chaos(faults=(Fault(kind="server_error", first=2, delay_s=1.0),))) as server:

        async def main() -> list[Any]:
            async with router(server) as of:
                cool(of, seconds=60, is_told=False, reason="Unavailable")
                asked = [asyncio.create_task(outcome(of, f"question {number}")) for number in range(4)]
                await until(lambda: server.seen.attempts)
                await asyncio.sleep(0.1)
                assert server.seen.attempts == 1
                return await asyncio.gather(*asked)

        results = asyncio.run(main())
    assert sum(isinstance(result, Answer) for result in results) >= 3


def test_a_limit_without_a_time_holds_for_all_requests() -> None:
    """The one that was told waits; the others must not be told one by one."""
    with ScriptedServer(faults=[Fault(kind="rate_limit", first=1)]) as server:

        async def main() -> None:
            async with router(server) as of:
                first = asyncio.create_task(of.ask("first"))
                await until(lambda: of.runtime().known.state("a").cooling_until or server.seen.attempts > 1)
                await asyncio.gather(first, *(of.ask(f"other {number}") for number in range(10)))

        asyncio.run(main())
        limited, *others = server.seen.calls
        assert limited.ended_s is not None
        assert min(call.time_s for call in others) >= limited.ended_s + 0.5
        assert server.seen.attempts == 12


def test_a_wrong_request_does_not_keep_a_model_out() -> None:
    """A server that says what is wrong with a request is there."""
    with ScriptedServer(faults=[Fault(kind="context_overflow", first=1)]) as server:

        async def main() -> None:
            async with router(server) as of:
                cool(of, seconds=0.01)
                await asyncio.sleep(0.02)
                error = await outcome(of)
                assert isinstance(error, AllAttemptsFailed)
                assert brief(error.attempts) == [("a", "answer", "error")]
                assert of.runtime().known.state("a").cooling_until == 0.0

        asyncio.run(main())
