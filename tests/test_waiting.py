"""How long the retry loop waits, when it comes back to a model, and when it gives up."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from served import Running, brief, faulty, heard, left_reserved, outcome, router, rows, until

from routebook.errors import (
    AllAttemptsFailed,
    DeadlineExceeded,
    RateLimited,
    RoutebookError,
    TimedOut,
)  # fmt: skip
from routebook.events import Done, Event, Waiting
from routebook.messages import Answer
from routebook.testing import Chaos, Fault, ScriptedServer


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as opened:
        yield opened


def test_a_stated_wait_is_kept_in_whatever_form_it_is_stated(stack: ExitStack) -> None:
    """Seconds, milliseconds, a date, in the body, with a 429 or a 503: a retry before the time only makes the ban longer."""
    kinds: list[Any] = [("rate_limit", form) for form in ("seconds", "ms", "date", "body")] + [("overloaded", "seconds")]

    async def main() -> None:
        servers = [
            stack.enter_context(ScriptedServer(faults=[Fault(kind=kind, first=1, retry_after_s=1.3)], wait_forms=[form]))
            for kind, form in kinds
        ]
        routers = [router(server) for server in servers]
        answers = await asyncio.gather(*(of.ask("hello") for of in routers))
        for kind, answer, server, of in zip(kinds, answers, servers, routers, strict=True):
            assert [(attempt.kind, attempt.status == "ok") for attempt in answer.attempts] == [("answer", False), ("retry", True)], kind
            assert server.seen.early_retries == 0, kind
            assert [call.early_s for call in server.seen.calls] == [0.0] * 2, kind
            of.close()

    asyncio.run(main())


def test_with_another_model_at_hand_a_stated_wait_cools_the_first_down_and_it_comes_back() -> None:
    """The next prompts go elsewhere until its time is over, and return then."""
    limited = Chaos(faults=(Fault(kind="overloaded", first=1, retry_after_s=2.1),))
    with ScriptedServer(models={"a": limited, "b": Chaos()}) as server:

        async def main() -> None:
            async with router(server, models=("a", "b")) as of:
                begun = time.monotonic()
                models = [(await of.ask("hello")).model for _ in range(3)]
                assert models == ["b", "b", "b"]
                plan = of.plan("hello")
                assert [candidate.model for candidate in plan.candidates] == ["b", "a"]
                assert "cools down for" in plan.candidates[1].reason
                assert server.seen.attempts_by_model == {"a": 1, "b": 3}
                assert time.monotonic() - begun < 2, "nobody waited"
                await until(lambda: not of.runtime().known.cooling_s("a"), within_s=6)
                assert (await of.ask("hello")).model == "a"

        asyncio.run(main())
        assert server.seen.early_retries == 0


def test_when_all_cool_down_the_one_that_is_back_first_is_waited_for() -> None:
    """Nothing better to do than to wait, and to say so; but never before its time."""
    scripts = {name: Chaos(faults=(Fault(kind="rate_limit", first=1, retry_after_s=wait),)) for name, wait in (("a", 9), ("b", 2.05))}
    with ScriptedServer(models=scripts) as server:

        async def main() -> tuple[list[Event], Exception | None]:
            async with router(server, models=("a", "b")) as of:
                assert isinstance(await outcome(of, deadline_s=0.5), AllAttemptsFailed)
                return await heard(of, deadline_s=5)

        seen, error = asyncio.run(main())
        assert error is None
        waits = [event for event in seen if isinstance(event, Waiting)]
        assert [(event.model, event.place) for event in waits] == [("b", 0)]
        assert "cools down for 2 s (RateLimited)" in waits[0].reason
        assert server.seen.early_retries == 0
        assert server.seen.attempts_by_model == {"a": 1, "b": 2}


def test_who_waits_looks_again_before_it_calls() -> None:
    """Meanwhile another request may have been told to wait longer."""
    with ScriptedServer() as server:

        async def main() -> float:
            async with router(server) as of:
                known = of.runtime().known
                known.state("a").cool(known.clock() + 0.2, reason="a test")
                asked = asyncio.create_task(of.ask("hello"))
                await asyncio.sleep(0.1)
                until_s = known.clock() + 0.5
                known.state("a").cool(until_s, reason="another")
                await asked
                return until_s

        assert asyncio.run(main()) <= server.seen.calls[0].time_s


def test_two_that_are_back_at_the_same_moment_are_waited_for_not_taken_in_turns() -> None:
    """Turning them round without a pause would hold up every stream of the process until one is back."""
    with ScriptedServer() as server:

        async def main() -> tuple[list[Event], Exception | None]:
            async with router(server, models=("a", "b")) as of:
                known = of.runtime().known
                until_s = known.clock() + 0.3
                for name in ("a", "b"):
                    known.state(name).cool(until_s, reason="a test")
                return await heard(of)

        seen, error = asyncio.run(main())
    assert error is None
    assert sum(isinstance(event, Waiting) for event in seen) == 1


def test_asking_again_at_once_does_not_undercut_a_wait_that_was_too_long_for_the_deadline() -> None:
    """The cell failed because of the wait; the user runs it again: it must not be sent before its time either."""
    with ScriptedServer(faults=[Fault(kind="rate_limit", first=1, retry_after_s=30)]) as server:

        async def main() -> None:
            async with router(server) as of:
                first = await outcome(of, deadline_s=1)
                assert isinstance(first, AllAttemptsFailed)
                begun = time.monotonic()
                second = await outcome(of, deadline_s=1)
                assert isinstance(second, DeadlineExceeded)
                assert "a cools down for 30 s more (RateLimited), and the request's deadline is 1 s." in str(second)
                assert time.monotonic() - begun < 0.5  # there is nothing to wait for

        asyncio.run(main())
        assert (server.seen.attempts, server.seen.early_retries) == (1, 0)


def test_a_wait_stated_to_one_request_holds_for_all() -> None:
    """Fifty cells run; the first is told to wait: the others need not be told one by one."""
    with ScriptedServer(faults=[Fault(kind="rate_limit", first=1, retry_after_s=0.8)]) as server:

        async def main() -> None:
            async with router(server) as of:
                first = asyncio.create_task(of.ask("first"))
                await until(lambda: server.seen.outcomes)
                await asyncio.sleep(0.05)
                await asyncio.gather(first, *(of.ask(f"other {number}") for number in range(10)))

        asyncio.run(main())
        limited, *others = server.seen.calls
        assert limited.ended_s is not None
        assert min(call.time_s for call in others) >= limited.ended_s + 0.8


def test_an_answer_that_was_under_way_does_not_end_a_wait_that_was_stated() -> None:
    """Eight calls run, one is told to wait: the seven that end well were sent before."""
    script = Chaos(latency_s=0.3, faults=(Fault(kind="rate_limit", first=1, retry_after_s=1.0, delay_s=0.1),))
    with ScriptedServer(script=script) as server:

        async def main() -> None:
            async with router(server) as of:
                limited = asyncio.create_task(of.ask("limited"))
                await until(lambda: server.seen.attempts)
                await of.ask("under way")
                await of.ask("next")
                await limited

        asyncio.run(main())
        limited, _, *others = server.seen.calls
        assert limited.ended_s is not None
        assert min(call.time_s for call in others) >= limited.ended_s + 1.0


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
        assert took_s < 0.8 + 0.5, kind


def test_a_deadline_that_passes_in_the_last_attempt_is_what_is_said() -> None:
    """It was not the model's time that ran out: the advice to raise that one would not help."""
    with ScriptedServer(script=Chaos(tokens=10_000, tokens_per_s=100)) as server:

        async def main() -> RoutebookError | Answer:
            async with router(server) as of:
                return await outcome(of, deadline_s=0.2)

        error = asyncio.run(main())
    assert isinstance(error, DeadlineExceeded)
    assert str(error) == "The request's 0.2 s are over; tried: a (timeout). Raise --deadline, or defaults.deadline_s in routing.toml."
    assert isinstance(error.__cause__, TimedOut)


def test_no_more_attempts_are_made_than_allowed_and_none_is_waited_for_in_vain() -> None:
    """The count is over all models, and after the last one there is nothing to wait for."""
    with ScriptedServer(faults=[Fault(kind="rate_limit", retry_after_s=1.5)]) as server:

        async def main() -> float:
            async with router(server, models=("a", "b", "c"), defaults={"max_attempts": 1}) as of:
                begun = time.monotonic()
                error = await outcome(of)
                assert isinstance(error, AllAttemptsFailed)
                assert brief(error.attempts) == [("a", "answer", "rate_limited")]
                return time.monotonic() - begun

        assert asyncio.run(main()) < 0.5
        assert server.seen.attempts == 1


def test_the_route_s_own_waits_after_a_429_are_kept_and_then_it_is_as_the_route_says() -> None:
    """`waits_s` is how often and how long; `then` is what follows."""
    with ScriptedServer(models={"a": faulty("rate_limit"), "b": Chaos()}) as server:

        async def main(then: str) -> Answer | RoutebookError:
            of = router(server, models=("a", "b"), route={"on_rate_limit": {"waits_s": [0.1, 0.2], "then": then}})
            async with of:
                return await outcome(of)

        answer, error = asyncio.run(main("next")), asyncio.run(main("raise"))
        begun = [call.time_s for call in server.seen.calls if call.model == "a"]
    assert isinstance(answer, Answer)
    assert brief(answer.attempts)[2:] == [("a", "retry", "rate_limited"), ("b", "fallback", "ok")]
    assert begun[1] - begun[0] >= 0.1
    assert begun[2] - begun[1] >= 0.2
    assert isinstance(error, AllAttemptsFailed)
    assert isinstance(error.__cause__, RateLimited)
    assert len(error.attempts) == 3


def test_the_route_s_own_retries_after_a_timeout_are_made() -> None:
    """A model that loads slowly the first time is there the second."""
    with ScriptedServer(models={"a": faulty("slow_first_token", first=2), "b": Chaos()}) as server:

        async def main() -> Answer:
            async with router(
                server, models={"a": {"timeout": {"first_token_s": 0.1}}, "b": {}}, route={"try": ["a", "b"], "on_timeout": {"retries": 3}}
            ) as of:
                return await of.ask("hello")

        answer = asyncio.run(main())
    assert brief(answer.attempts) == [("a", "answer", "timeout"), ("a", "retry", "timeout"), ("a", "retry", "ok")]


def test_stopping_while_it_waits_to_try_again_ends_at_once() -> None:
    """A wait of a minute must not hold the stop button."""
    with ScriptedServer(faults=[Fault(kind="rate_limit", retry_after_s=60)]) as server:

        async def main() -> None:
            async with router(server, defaults={"deadline_s": 100}) as of:
                running = Running(of)
                await until(lambda: running.count(Waiting))
                running.stop()
                await running.over()
                done = running.seen[-1]
                assert isinstance(done, Done)
                assert (done.answer.finish_reason, brief(done.answer.attempts)) == ("cancelled", [("a", "answer", "rate_limited")])
                assert left_reserved(of) == (0, 0)

        asyncio.run(main())


def test_a_model_that_fails_again_and_again_is_left_alone_for_a_while() -> None:
    """Every cell would wait for the same timeout before it gets to the model that works."""
    with ScriptedServer(models={"a": Chaos(latency_s=30), "b": Chaos()}) as server:

        async def main() -> list[list[str]]:
            async with router(server, models={"a": {"timeout": {"first_token_s": 0.1}}, "b": {}}) as of:
                return [[attempt.model for attempt in (await of.ask("hello")).attempts] for _ in range(4)]

        tried = asyncio.run(main())
    assert tried == [["a", "b"], ["a", "b"], ["a", "b"], ["b"]]


def test_a_model_that_is_left_alone_out_of_caution_is_asked_when_there_is_no_other() -> None:
    """The user has mended the key, or started the server: running the cell again must not wait for five minutes."""
    with ScriptedServer(faults=[Fault(kind="auth", first=2)]) as server:

        async def main() -> list[type]:
            async with router(server) as of:
                begun = time.monotonic()
                results = [type(await outcome(of)) for _ in range(3)]
                assert time.monotonic() - begun < 1
                return results

        assert asyncio.run(main()) == [AllAttemptsFailed, AllAttemptsFailed, Answer]


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
                assert time.monotonic() - begun < 0.8
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
                await running.over(within_s=5)
                assert time.monotonic() - begun < 2, "3 s and more without it"
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
                await until(lambda: left_reserved(of) == (0, 0) and not state.in_flight, within_s=10)
                statuses = sorted(row.status for row in rows(of))
                assert statuses == {"while it is answered": ["timeout"], "in the queue": ["cancelled", "timeout"]}.get(how, ["ok"])

        asyncio.run(main())


def takes_long(_text: str) -> bool:
    """A check of a user's own."""
    time.sleep(5)
    return True


def test_a_check_that_takes_long_ends_with_the_deadline() -> None:
    """What the user's own function does is no reason to keep the user waiting."""
    route = {"on_low_quality": {"check": f"{__name__}:takes_long"}}
    with ScriptedServer(reply="well") as server:

        async def main() -> None:
            async with router(server, route=route) as of:
                begun = time.monotonic()
                answer = await of.ask("hello", deadline_s=1)
                assert time.monotonic() - begun < 3
                assert "did not end within" in str(answer.notes)

        asyncio.run(main())
