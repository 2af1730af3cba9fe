"""Many prompts at once."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from served import left_reserved, router, rows, until

from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, UsageError
from routebook.messages import Answer
from routebook.testing import Chaos, Fault, ScriptedServer

PROMPTS = [f"question {number}" for number in range(30)]


def asked(server: ScriptedServer) -> list[str]:
    """The prompts that reached the server, in order."""
    return [call.json()["messages"][-1]["content"] for call in server.seen.calls]


def test_answers_come_in_the_order_of_the_prompts() -> None:
    """A column of a frame is filled with them."""
    with ScriptedServer(script=Chaos(latency_s=0.2)) as server, closing(router(server)) as of:
        answers = asyncio.run(of.map(PROMPTS, progress=False))
        assert [answer.plan.request.text for answer in answers] == PROMPTS
        assert sorted(asked(server)) == sorted(PROMPTS)
        assert [answer.text for answer in of.map_sync(PROMPTS[:3], progress=False)]


def test_equal_prompts_are_asked_once() -> None:
    """A column has the same value many times; each costs money."""
    with ScriptedServer() as server, closing(router(server)) as of:
        answers = of.map_sync(["a", "b", "a", "a"], progress=False)
        assert sorted(asked(server)) == ["a", "b"]
        assert answers[0] is answers[2] is answers[3]
        of.map_sync(["a"], progress=False)
        assert len(asked(server)) == 3  # a map that ended well is over: asking again asks again


def test_nothing_to_ask_is_nothing() -> None:
    """An empty frame has an empty column."""
    with ScriptedServer() as server, closing(router(server)) as of:
        assert of.map_sync([]) == []


@pytest.mark.parametrize(("asked_for", "most"), [(None, {"a": 3, "b": 1}), (20, {"a": 5, "b": 2})])
def test_each_model_has_its_batch_and_more_only_where_it_is_asked_for(asked_for: int | None, most: dict[str, int]) -> None:
    """Ten at a time are well for one model and too many for another, although single prompts may overtake."""
    models = {"a": {"batch": 3, "max_batch": 5}, "b": {"batch": 1, "max_batch": 2}}
    route = {"try": ["any"]}
    pools = {"any": {"models": ["a", "b"], "pick": "round-robin"}}
    script = Chaos(latency_s=0.2)
    with (
        ScriptedServer(models={"a": script, "b": script}) as server,
        closing(router(server, models=models, route=route, pools=pools)) as of,
    ):
        of.map_sync(PROMPTS[:12], progress=False, concurrency=asked_for, model="a")
        of.map_sync(PROMPTS[:8], progress=False, concurrency=asked_for, model="b")
        assert server.seen.peak_by_model == most
        answers = of.map_sync(PROMPTS, progress=False, concurrency=asked_for)
        assert {answer.model for answer in answers} == {"a", "b"}


def test_no_more_are_under_way_than_said_and_limits_hold() -> None:
    """`concurrency` bounds the requests, `max_concurrent` the calls."""
    with ScriptedServer(script=Chaos(latency_s=0.2)) as server:
        with closing(router(server)) as of:
            of.map_sync(PROMPTS, progress=False, concurrency=5)
        assert server.seen.peak_concurrent == 5
    with ScriptedServer(script=Chaos(latency_s=0.2)) as server:
        with closing(router(server, models={"a": {"max_concurrent": 3}})) as of:
            of.map_sync(PROMPTS, progress=False)
        assert server.seen.peak_concurrent == 3


def test_a_failure_loses_nothing_and_asking_again_asks_only_what_has_no_answer() -> None:
    """One prompt of a thousand fails; the other 999 are paid for."""
    script = Chaos(faults=(Fault(kind="context_overflow", first=2),))
    with ScriptedServer(script=script) as server, closing(router(server)) as of:
        with pytest.raises(AllAttemptsFailed) as caught:
            of.map_sync(PROMPTS, progress=False)
        assert caught.value.__notes__ == ["2 of 30 prompts have no answer. Call map again with the same prompts to ask only those."]
        assert len(asked(server)) == 30
        failed = {call.json()["messages"][-1]["content"] for call in server.seen.calls if call.outcome == "context_overflow"}
        answers = of.map_sync(PROMPTS, progress=False)
        assert [answer.plan.request.text for answer in answers] == PROMPTS
        assert sorted(asked(server)[30:]) == sorted(failed)


def test_other_options_are_another_question() -> None:
    """The answer of one model is not that of another."""
    with (
        ScriptedServer(models={"a": Chaos(), "b": Chaos(faults=(Fault(kind="auth"),))}) as server,
        closing(router(server, models=("a", "b"))) as of,
    ):
        with pytest.raises(AllAttemptsFailed):
            of.map_sync(["x", "y"], progress=False, model="b")
        of.map_sync(["x", "y"], progress=False, model="a")
        assert server.seen.attempts_by_model["a"] == 2


def test_an_interrupt_ends_what_is_under_way_and_loses_no_answer() -> None:
    """The stop button in the middle of a long run; then the cell is run again."""
    with ScriptedServer(script=Chaos(latency_s=0.3)) as server, closing(router(server)) as of:
        main = threading.main_thread().ident or 0

        def press() -> None:
            asyncio.run(until(lambda: len(server.seen.calls) >= 12))
            signal.pthread_kill(main, signal.SIGINT)

        interrupt = threading.Thread(target=press)
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            of.map_sync(PROMPTS, progress=False, concurrency=5)
        interrupt.join()
        done = [row.request_id for row in rows(of) if row.status == "ok"]
        assert 5 <= len(done) < 30
        assert left_reserved(of) == (0, 0)
        answers = of.map_sync(PROMPTS, progress=False, concurrency=30)
        assert [answer.plan.request.text for answer in answers] == PROMPTS
        assert {answer.request_id for answer in answers} >= set(done)
        assert sum(row.status == "ok" for row in rows(of)) == 30


@pytest.mark.parametrize("cache", [False, True])
def test_an_interrupt_between_the_end_of_an_answer_and_its_row_loses_neither(tmp_path: Path, *, cache: bool) -> None:
    """An answer that has come is paid for, and its row says `ok`: it is never asked again."""
    books = tmp_path / "books.db"

    async def main(of: Router) -> tuple[list[Answer], list[Answer]]:
        runtime, few = of.runtime(), PROMPTS[:5]
        mapping = asyncio.ensure_future(of.map(few, progress=False))
        await until(lambda: len(server.seen.calls) == len(few))
        with closing(sqlite3.connect(books, isolation_level=None)) as another:
            another.execute("BEGIN IMMEDIATE")  # no row can be written
            await until(lambda: len(runtime.writing) == len(few))
            mapping.cancel()
            await asyncio.sleep(0.1)
        with pytest.raises(asyncio.CancelledError):
            await mapping
        assert [row.status for row in rows(of)] == ["ok"] * len(few)
        again = await of.map(few, progress=False)
        assert len(server.seen.calls) == len(few)
        return again, [row.request_id for row in rows(of)]

    with (
        ScriptedServer(script=Chaos(latency_s=0.5)) as server,
        closing(router(server, books=books, route={"cache": {"ttl_s": 3600}} if cache else None)) as of,
    ):
        answers, written = asyncio.run(main(of))
    assert [answer.plan.request.text for answer in answers] == PROMPTS[:5]
    assert sorted(answer.request_id for answer in answers) == sorted(written)
    assert all(answer.text and answer.finish_reason == "stop" for answer in answers)


def test_cancelling_a_map_cancels_its_calls() -> None:
    """As a task group's or a timeout's does."""

    async def main(of: Router) -> None:
        mapping = asyncio.ensure_future(of.map(PROMPTS, progress=False))
        await until(lambda: server.seen.attempts == 30)
        mapping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await mapping
        await until(lambda: left_reserved(of) == (0, 0))
        assert {row.status for row in rows(of)} == {"cancelled"}

    with ScriptedServer(script=Chaos(latency_s=60)) as server, closing(router(server)) as of:
        asyncio.run(main(of))
        asyncio.run(until(lambda: len(server.seen.disconnects) == 30))


def test_two_maps_of_the_same_prompts_at_once_both_get_their_answers() -> None:
    """The same cell in two panels, or a helper that is called in a loop."""

    async def main(of: Router) -> tuple[list[Answer], list[Answer]]:
        return await asyncio.gather(of.map(PROMPTS, progress=False), of.map(PROMPTS[::-1], progress=False))

    with ScriptedServer(script=Chaos(latency_s=0.2)) as server, closing(router(server)) as of:
        one, two = asyncio.run(main(of))
    assert [answer.plan.request.text for answer in one] == PROMPTS
    assert [answer.plan.request.text for answer in two] == PROMPTS[::-1]


def test_an_option_that_is_not_right_is_said_once() -> None:
    """Not once for each of a thousand prompts, and not in a group of errors."""
    with ScriptedServer() as server, closing(router(server)) as of:
        with pytest.raises(UsageError, match="There is no model 'aa'"):
            of.map_sync(PROMPTS, progress=False, model="aa")
        assert server.seen.connections == 0


def test_what_is_no_error_of_ours_comes_as_itself() -> None:
    """A group of errors is a riddle to a notebook."""
    odd = {"params": {"extra": {"odd": object()}}}  # cannot be sent as JSON
    with ScriptedServer() as server, closing(router(server, models={"a": odd})) as of:
        with pytest.raises(TypeError):
            of.map_sync(PROMPTS, progress=False)
        assert left_reserved(of) == (0, 0)


def test_a_bar_shows_how_many_are_done(capsys: pytest.CaptureFixture[str]) -> None:
    """A thousand prompts take minutes; and after an interrupt it goes on where it was."""
    with ScriptedServer() as server, closing(router(server)) as of:
        of.map_sync(PROMPTS)
    assert "30/30" in capsys.readouterr().err
