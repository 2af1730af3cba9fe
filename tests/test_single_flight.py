"""Equal requests that are asked at the same time are one call: within a kernel, and between kernels."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from cached import HOUR, answering, entries, taking_time
from served import Running, brief, heard, left_reserved, outcome, router, rows, until

from routebook.engine.cache.cacheable import cache_key
from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, DeadlineExceeded
from routebook.events import Decision, Done, Waiting
from routebook.messages import Answer, Delta
from routebook.testing import Chaos, Fault, ScriptedServer

server = pytest.fixture(answering)
slow = pytest.fixture(taking_time)


# ---- in one kernel


def test_fifty_equal_requests_at_once_are_one_call(slow: ScriptedServer) -> None:
    """Fifty cells that a loop made cost one, and each has its answer, its stream and its row."""

    async def main() -> None:
        async with router(slow, route=HOUR) as of:
            heards = await asyncio.gather(*(heard(of) for _ in range(50)))
            answers = [seen[-1].answer for seen, _ in heards if isinstance(seen[-1], Done)]
            assert len(answers) == 50
            assert slow.seen.attempts == 1
            assert len({answer.text for answer in answers}) == 1
            assert len({answer.request_id for answer in answers}) == 50
            for seen, error in heards:
                assert error is None
                assert isinstance(seen[0], Decision)
                assert "".join(event.text for event in seen if isinstance(event, Delta)) == answers[0].text
                assert sum(isinstance(event, Delta) for event in seen) > 10  # it streamed
            kinds = [(row.kind, row.status) for row in rows(of)]
            assert sorted(kinds) == [("answer", "ok"), *([("cache", "cached")] * 49)]
            assert sum(row.cost_usd or 0 for row in rows(of)) == max(answer.cost_usd or 0 for answer in answers)

    asyncio.run(main())


def test_one_who_comes_late_is_told_what_has_come(slow: ScriptedServer) -> None:
    """A cell that is run while another one streams shows the whole answer."""

    async def main() -> None:
        async with router(slow, route=HOUR) as of:
            first = Running(of)
            await until(lambda: first.count(Delta) >= 20)
            seen, _ = await heard(of, "tell me a story")
            assert isinstance(seen[-1], Done)
            assert "".join(event.text for event in seen if isinstance(event, Delta)) == seen[-1].answer.text == first.result().text
            assert slow.seen.attempts == 1

    asyncio.run(main())


def test_a_leader_that_is_stopped_leaves_the_call_to_the_others(slow: ScriptedServer) -> None:
    """What is under way and paid for is not thrown away because one of its readers left."""

    async def main() -> None:
        async with router(slow, route=HOUR) as of:
            first = Running(of)
            await until(lambda: first.count(Delta) >= 5)
            others = [Running(of) for _ in range(3)]
            await until(lambda: all(other.count(Delta) for other in others))
            first.stop()
            await first.over()
            done = first.seen[-1]
            assert isinstance(done, Done)
            assert done.answer.finish_reason == "cancelled"
            assert done.answer.text
            await asyncio.gather(*(other.over(within_s=20) for other in others))
            assert {other.result().finish_reason for other in others} == {"stop"}
            assert slow.seen.attempts == 1
            assert not slow.seen.disconnects
            assert left_reserved(of) == (0, 0)

    asyncio.run(main())


def test_the_last_who_is_stopped_ends_the_call(slow: ScriptedServer) -> None:
    """Nobody reads it any more, so it must not go on costing."""

    async def main() -> None:
        async with router(slow, route=HOUR) as of:
            both = [Running(of), Running(of)]
            await until(lambda: all(one.count(Delta) for one in both))
            for one in both:
                one.stop()
            await asyncio.gather(*(one.over(within_s=20) for one in both))
            await until(lambda: slow.seen.disconnects)
            assert all(isinstance(one.seen[-1], Done) and one.seen[-1].answer.text for one in both)
            assert sorted((row.kind, row.status) for row in rows(of)) == [("answer", "cancelled"), ("cache", "cancelled")]
            assert left_reserved(of) == (0, 0)
            assert entries(of) == 0
            assert await of.ask("tell me a story", max_tokens=3)  # and the next one asks anew

    asyncio.run(main())


def test_an_error_of_a_shared_call_reaches_all_and_none_asks_again() -> None:
    """Fifty who are told of a failure must not make fifty calls of it."""
    script = Chaos(faults=(Fault(kind="auth"),), latency_s=0.2)
    with ScriptedServer(script=script) as server:

        async def main() -> None:
            async with router(server, route=HOUR) as of:
                ends = await asyncio.gather(*(outcome(of) for _ in range(50)))
                assert {type(end) for end in ends} == {AllAttemptsFailed}
                assert server.seen.attempts == 1
                assert brief(rows(of)) == [("a", "answer", "error")]

        asyncio.run(main())


def test_the_deadline_of_one_is_not_the_deadline_of_the_others(slow: ScriptedServer) -> None:
    """One who has no time ends in time; the others share the next call."""

    async def main() -> None:
        async with router(slow, route=HOUR) as of:
            hasty = asyncio.ensure_future(outcome(of, "tell me", deadline_s=0.5))
            await until(lambda: slow.seen.attempts)
            patient = [asyncio.ensure_future(outcome(of, "tell me", deadline_s=30)) for _ in range(5)]
            hastier = asyncio.ensure_future(outcome(of, "tell me", deadline_s=0.1))
            assert isinstance(await hastier, DeadlineExceeded)
            assert not isinstance(await hasty, Answer)
            ends = await asyncio.gather(*patient)
            assert {end.finish_reason for end in ends if isinstance(end, Answer)} == {"stop"}
            assert len([end for end in ends if isinstance(end, Answer)]) == 5
            assert slow.seen.attempts == 2

    asyncio.run(main())


def test_closing_ends_a_shared_call(slow: ScriptedServer) -> None:
    """A closed router leaves nothing behind."""

    async def main() -> None:
        of = router(slow, route=HOUR)
        ones = [Running(of), Running(of)]
        await until(lambda: all(one.count(Delta) for one in ones))
        await asyncio.to_thread(of.close)
        await asyncio.gather(*(one.over(within_s=20) for one in ones))
        await until(lambda: slow.seen.disconnects)

    asyncio.run(main())


# ---- between kernels


def test_two_kernels_that_ask_at_the_same_time_ask_once(slow: ScriptedServer, tmp_path: Path) -> None:
    """Five notebooks that are run at once after a night's work."""
    books = tmp_path / "books.db"

    async def main() -> None:
        async with router(slow, route=HOUR, books=books) as one, router(slow, route=HOUR, books=books) as other:
            first = asyncio.ensure_future(one.ask("hello"))
            await until(lambda: slow.seen.attempts)
            seen, _ = await heard(other)
            assert any(isinstance(event, Waiting) for event in seen)
            assert isinstance(seen[-1], Done)
            assert seen[-1].answer.text == (await first).text
            assert seen[-1].answer.replay is not None
            assert slow.seen.attempts == 1

    asyncio.run(main())


def test_a_kernel_that_stops_asking_or_dies_leaves_it_to_the_others(slow: ScriptedServer, tmp_path: Path) -> None:
    """Nobody may wait for an answer that never comes."""
    books = tmp_path / "books.db"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()

    async def main() -> None:
        async with router(slow, route=HOUR, books=books) as one, router(slow, route=HOUR, books=books) as other:
            stopped = Running(one)
            await until(lambda: stopped.count(Delta))
            waiting = Running(other)
            await until(lambda: waiting.count(Waiting))
            stopped.stop()
            await until(lambda: waiting.count(Delta), within_s=20)
            waiting.stop()
            await asyncio.gather(stopped.over(within_s=20), waiting.over(within_s=20))
            assert count_asking(other) == 0
            claim(other, dead.pid)
            assert (await heard(other, "tell me a story"))[1] is None
            assert slow.seen.attempts == 3

    asyncio.run(main())


def test_another_kernel_is_not_waited_for_for_ever(server: ScriptedServer, tmp_path: Path) -> None:
    """The cache must never be what makes a request fail."""
    with closing(router(server, route=HOUR, books=tmp_path / "books.db")) as of:
        claim(of, os.getpid(), prompt="hello")
        assert of.ask_sync("hello", deadline_s=4).text == "one two three"


def test_the_wait_for_another_kernel_is_part_of_the_deadline(tmp_path: Path) -> None:
    """Who waited half of it has half of it left."""
    with ScriptedServer(script=Chaos(latency_s=30)) as server, closing(router(server, route=HOUR, books=tmp_path / "books.db")) as of:
        claim(of, os.getpid(), prompt="hello")
        begun = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            of.ask_sync("hello", deadline_s=3)
        assert time.monotonic() - begun < 15
        assert server.seen.attempts == 1


def count_asking(of: Router) -> int:
    """How many requests are being asked, over all kernels."""
    found: tuple[int] = of.runtime().books.read(lambda connection: connection.execute("SELECT count(*) FROM cache_asking").fetchone())
    return found[0]


def claim(of: Router, pid: int, *, prompt: str = "tell me a story") -> None:
    """Note that another kernel asks something, and never say that it ended."""
    runtime = of.runtime()
    found = cache_key(runtime.config, of.plan(prompt))
    assert found is not None
    with closing(sqlite3.connect(runtime.books.path)) as other, other:
        other.execute("INSERT OR REPLACE INTO cache_asking VALUES (?, 'another', ?, 1e12)", (found[0], pid))


# ---- what was called bad


def test_a_bad_word_of_one_who_shared_the_call_counts_as_well(slow: ScriptedServer, tmp_path: Path) -> None:
    """Two cells asked the same at the same time, and the second one's reader says that it is wrong."""

    async def main() -> bool:
        async with router(slow, route=HOUR, books=tmp_path / "books.db") as of:
            answers = await asyncio.gather(*(of.ask("hello") for _ in range(2)))
            (shared,) = [answer for answer in answers if answer.replay is not None]
            await asyncio.to_thread(of.vote, shared.request_id, good=False)
            return (await of.ask("hello")).replay is None

    assert asyncio.run(main())
