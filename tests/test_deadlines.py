"""A deadline is kept whatever happens: failing models, books that are locked, a check that takes long."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from served import Running, closing_stack, left_reserved, outcome, router, rows, until

from routebook.errors import (
    AllAttemptsFailed,
    DeadlineExceeded,
    RoutebookError,
    TimedOut,
)  # fmt: skip
from routebook.events import Done, Event
from routebook.messages import Answer
from routebook.testing import Chaos, Fault, ScriptedServer

stack = pytest.fixture(closing_stack)


def test_a_deadline_beats_every_counter(stack: ExitStack) -> None:
    """Whatever happens, and however many tries are left, it ends in time, with an error of ours."""
    scripts = {
        "limited": Chaos(faults=(Fault(kind="rate_limit", retry_after_s=0.1),)),
        "failing": Chaos(faults=(Fault(kind="server_error"),)),
        "silent": Chaos(latency_s=30),
        "stalled": Chaos(faults=(Fault(kind="stall"),)),
        "endless": Chaos(tokens=100_000, tokens_per_s=100),
        "cut": Chaos(faults=(Fault(kind="cut"),)),
    }
    servers = [stack.enter_context(ScriptedServer(script=script)) for script in scripts.values()]

    async def one(server: ScriptedServer) -> tuple[Answer | RoutebookError, float]:
        async with router(server, models=("a", "b", "c"), defaults={"max_attempts": 1000}) as of:
            begun = time.monotonic()
            result = await outcome(of, deadline_s=0.8)
            took_s = time.monotonic() - begun
            assert left_reserved(of) == (0, 0)
            return result, took_s

    async def main() -> list[tuple[Answer | RoutebookError, float]]:
        return await asyncio.gather(*map(one, servers))

    for kind, (result, took_s) in zip(scripts, asyncio.run(main()), strict=True):
        assert isinstance(result, AllAttemptsFailed | DeadlineExceeded), kind
        assert took_s < 0.8 + 10, kind


def test_a_deadline_that_passes_in_the_last_attempt_is_what_is_said() -> None:
    """It was not the model's time that ran out: the advice to raise that one would not help."""
    with ScriptedServer(script=Chaos(tokens=10_000, tokens_per_s=100)) as server:

        async def main() -> RoutebookError | Answer:
            async with router(server) as of:
                return await outcome(of, deadline_s=1.5)

        error = asyncio.run(main())
    assert isinstance(error, DeadlineExceeded)
    assert str(error) == "The request's 1.5 s are over; tried: a (timeout). Raise --deadline, or defaults.deadline_s in routing.toml."
    assert isinstance(error.__cause__, TimedOut)


def test_waiting_for_books_that_are_locked_ends_with_the_deadline(tmp_path: Path) -> None:
    """A deadline is a promise also when another program holds the database."""
    path = tmp_path / "books.db"
    with ScriptedServer() as server:

        async def main() -> None:
            async with router(server, books=path) as of:
                await of.ask("hello")
                other = sqlite3.connect(path, isolation_level=None)
                other.execute("BEGIN IMMEDIATE")
                begun = time.monotonic()
                error = await outcome(of, deadline_s=0.3)
                assert time.monotonic() - begun < 8
                other.execute("COMMIT")
                other.close()
                assert isinstance(error, DeadlineExceeded)
                assert "books" in str(error)
                await until(lambda: left_reserved(of) == (0, 0))
                assert len(rows(of)) == server.seen.attempts == 1

        asyncio.run(main())


@pytest.mark.parametrize("how", ["while it is answered", "in the queue", "by an answer"])
def test_a_row_that_cannot_be_written_holds_nobody_beyond_the_deadline_and_is_written_later(tmp_path: Path, how: str) -> None:
    """The row comes first, but not at the price of the deadline: another program may hold the books for minutes."""
    path, is_queued = tmp_path / "books.db", how == "in the queue"
    script = Chaos(reply="well", latency_s=0.6 if how == "by an answer" else 30)
    with ScriptedServer(script=script) as server:

        async def main() -> None:
            async with router(server, models={"a": {"max_concurrent": 1}}, books=path) as of:
                first = Running(of, "first", deadline_s=60) if is_queued else None
                await until(lambda: server.seen.attempts == is_queued)
                begun = time.monotonic()
                running = Running(of, deadline_s=1.0)
                await until(lambda: server.seen.attempts == 1)
                await asyncio.sleep(0.2)
                other = sqlite3.connect(path, isolation_level=None)
                other.execute("BEGIN IMMEDIATE")
                await running.over(within_s=20)
                assert time.monotonic() - begun < 2.8, "3 s and more without it"
                if how == "by an answer":
                    assert running.result().text == "well"
                else:
                    with pytest.raises(DeadlineExceeded):
                        running.result()
                state = of.runtime().known.state("a")
                assert state.in_flight == 1, "its place is kept until its row is written"
                await asyncio.sleep(max(0.0, begun + 3.5 - time.monotonic()))
                other.execute("COMMIT")
                other.close()
                if first is not None:
                    first.stop()
                await until(lambda: left_reserved(of) == (0, 0) and not state.in_flight, within_s=20)
                statuses = sorted(row.status for row in rows(of))
                assert statuses == {"while it is answered": ["timeout"], "in the queue": ["cancelled", "timeout"]}.get(how, ["ok"])

        asyncio.run(main())


def takes_long(_text: str) -> bool:
    """A check of a user's own."""
    time.sleep(15)
    return True


def test_a_cell_that_is_stopped_while_its_row_is_written_has_its_whole_answer(tmp_path: Path) -> None:
    """It has come, and is paid for: it is no part of an answer."""

    async def main() -> list[Event]:
        async with router(server, books=tmp_path / "books.db") as of:
            running = Running(of)
            await until(lambda: server.seen.attempts)
            with closing(sqlite3.connect(tmp_path / "books.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                await until(lambda: of.runtime().writing)
                running.stop()
                await asyncio.sleep(0.1)
            await running.over()
            assert [row.status for row in rows(of)] == ["ok"]
            return running.seen

    with ScriptedServer(script=Chaos(reply="all is well", latency_s=0.5)) as server:
        seen = asyncio.run(main())
    assert isinstance(seen[-1], Done)
    assert (seen[-1].answer.text, seen[-1].answer.finish_reason) == ("all is well", "stop")


def test_a_check_that_takes_long_ends_with_the_deadline() -> None:
    """What the user's own function does is no reason to keep the user waiting."""
    route = {"on_low_quality": {"check": f"{__name__}:takes_long"}}
    with ScriptedServer(reply="well") as server:

        async def main() -> None:
            async with router(server, route=route) as of:
                begun = time.monotonic()
                answer = await of.ask("hello", deadline_s=1)
                assert time.monotonic() - begun < 10
                assert "did not end within" in str(answer.notes)

        asyncio.run(main())
