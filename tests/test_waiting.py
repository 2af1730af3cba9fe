"""How long the retry loop waits, when it comes back to a model, and when it tries no more."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import ExitStack
from typing import Any

import pytest
from served import Running, brief, closing_stack, faulty, heard, left_reserved, outcome, router, until

from routebook.errors import (
    AllAttemptsFailed,
    DeadlineExceeded,
    RateLimited,
    RoutebookError,
)  # fmt: skip
from routebook.events import Done, Event, Waiting
from routebook.messages import Answer
from routebook.testing import Chaos, Fault, ScriptedServer

stack = pytest.fixture(closing_stack)


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
    limited = Chaos(faults=(Fault(kind="overloaded", first=1, retry_after_s=4.1),))
    with ScriptedServer(models={"a": limited, "b": Chaos()}) as server:

        async def main() -> None:
            async with router(server, models=("a", "b")) as of:
                models = [(await of.ask("hello")).model for _ in range(3)]
                assert models == ["b", "b", "b"]
                plan = of.plan("hello")
                assert [candidate.model for candidate in plan.candidates] == ["b", "a"]
                assert "cools down for" in plan.candidates[1].reason
                assert server.seen.attempts_by_model == {"a": 1, "b": 3}
                await until(lambda: not of.runtime().known.cooling_s("a"), within_s=20)
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
                known.state("a").cool(known.clock() + 1.0, reason="a test")
                asked = asyncio.create_task(of.ask("hello"))
                await asyncio.sleep(0.3)
                until_s = known.clock() + 1.5
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
    with ScriptedServer(faults=[Fault(kind="rate_limit", first=1, retry_after_s=60)]) as server:

        async def main() -> None:
            async with router(server) as of:
                first = await outcome(of, deadline_s=20)
                assert isinstance(first, AllAttemptsFailed)
                begun = time.monotonic()
                second = await outcome(of, deadline_s=20)
                assert isinstance(second, DeadlineExceeded)
                assert re.search(r"a cools down for \d\d s more \(RateLimited\), and the request's deadline is 20 s\.", str(second))
                assert time.monotonic() - begun < 10  # there is nothing to wait for

        asyncio.run(main())
        assert (server.seen.attempts, server.seen.early_retries) == (1, 0)


def test_a_wait_stated_to_one_request_holds_for_all() -> None:
    """Fifty cells run; the first is told to wait: the others need not be told one by one."""
    with ScriptedServer(faults=[Fault(kind="rate_limit", first=1, retry_after_s=0.8)]) as server:

        async def main() -> None:
            async with router(server) as of:
                first = asyncio.create_task(of.ask("first"))
                await until(lambda: of.runtime().known.state("a").cooling_until or server.seen.attempts > 1)
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


def test_no_more_attempts_are_made_than_allowed_and_none_is_waited_for_in_vain() -> None:
    """The count is over all models, and after the last one there is nothing to wait for."""
    with ScriptedServer(faults=[Fault(kind="rate_limit", retry_after_s=20)]) as server:

        async def main() -> float:
            async with router(server, models=("a", "b", "c"), defaults={"max_attempts": 1}) as of:
                begun = time.monotonic()
                error = await outcome(of)
                assert isinstance(error, AllAttemptsFailed)
                assert brief(error.attempts) == [("a", "answer", "rate_limited")]
                return time.monotonic() - begun

        assert asyncio.run(main()) < 10
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
                server, models={"a": {"timeout": {"first_token_s": 1.0}}, "b": {}}, route={"try": ["a", "b"], "on_timeout": {"retries": 3}}
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
                assert time.monotonic() - begun < 30
                return results

        assert asyncio.run(main()) == [AllAttemptsFailed, AllAttemptsFailed, Answer]
