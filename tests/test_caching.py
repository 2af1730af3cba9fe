"""Equal requests are asked once: at the same time, later, after a restart, and from another process; and never longer than they may be."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from served import Running, TwoServers, brief, heard, left_reserved, outcome, router, rows, until

from routebook.engine.cache.cacheable import cache_key
from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, DeadlineExceeded
from routebook.events import Decision, Done, Waiting
from routebook.messages import Answer, Delta, Message
from routebook.testing import Chaos, Fault, ScriptedServer

HOUR: dict[str, Any] = {"cache": {"ttl_s": 3600}}
"""A route whose answers live for an hour."""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that answers at once."""
    with ScriptedServer(reply="one two three") as opened:
        yield opened


@pytest.fixture
def slow() -> Iterator[ScriptedServer]:
    """A server that needs two seconds for its answer."""
    with ScriptedServer(script=Chaos(tokens=200, tokens_per_s=100)) as opened:
        yield opened


class Clock:
    """A wall clock that a test sets."""

    def __init__(self) -> None:
        """It is noon."""
        self.time = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        """The time."""
        return self.time

    def forward(self, seconds: float) -> None:
        """Let time pass; below 0 it is set back."""
        self.time += dt.timedelta(seconds=seconds)


def clocked(of: Router) -> Clock:
    """A router's clock, to set."""
    of.runtime().now = clock = Clock()
    return clock


# ---- the same again


def test_the_same_again_is_answered_from_the_books_at_no_cost(server: ScriptedServer) -> None:
    """What was paid for once is not paid for again."""
    with closing(router(server, route=HOUR)) as of:
        first, again = of.ask_sync("hello"), of.ask_sync("hello")
        assert server.seen.attempts == 1
        assert (again.text, again.cost_usd, again.finish_reason) == (first.text, Decimal(0), "stop")
        assert first.replay is None
        assert again.replay is not None
        assert again.replay.request_id == first.request_id
        assert again.replay.cost_usd == first.cost_usd
        assert not again.replay.is_shared
        row = of.attempts(again.request_id)[0]
        assert row == again.attempt
        assert (row.kind, row.status, row.model, row.cost_usd, row.baseline_usd) == ("cache", "cached", "a", Decimal(0), first.cost_usd)
        assert (row.input_tokens, row.output_tokens) == (0, 0)


def test_without_cache_in_the_file_nothing_is_kept(server: ScriptedServer) -> None:
    """The cache is off until it is asked for."""
    with closing(router(server)) as of:
        of.ask_sync("hello")
        of.ask_sync("hello")
        assert server.seen.attempts == 2
        assert entries(of) == 0


def test_a_replay_streams_like_an_answer(server: ScriptedServer) -> None:
    """Views know only events."""

    async def main() -> None:
        async with router(server, route=HOUR) as of:
            await of.ask("hello")
            seen, error = await heard(of)
            assert error is None
            assert [type(event) for event in seen] == [Decision, Delta, Done]
            assert isinstance(seen[-1], Done)
            assert seen[-1].answer.text == "one two three"

    asyncio.run(main())


def entries(of: Router) -> int:
    """How many answers the cache holds."""
    found: tuple[int] = of.runtime().books.read(lambda connection: connection.execute("SELECT count(*) FROM cache").fetchone())
    return found[0]


def asked_again(server: ScriptedServer, of: Router, first: dict[str, Any], then: dict[str, Any], *, prompt: str = "hello") -> bool:
    """Whether a second request reached the server."""
    of.ask_sync("hello", **first)
    before = server.seen.attempts
    with contextlib.suppress(AllAttemptsFailed):  # the answer fits no schema
        of.ask_sync(prompt, **then)
    return server.seen.attempts > before


HISTORY = (Message(role="user", content="hi"), Message(role="assistant", content="ho"))


@pytest.mark.parametrize(
    "then",
    [
        {"model": "a"},
        {"system": "Be brief."},
        {"history": HISTORY},
        {"history": HISTORY[:1]},
        {"max_tokens": 10},
        {"temperature": 0.5},
        {"think": "off"},
        {"schema": {"type": "object"}},
        {"prompt": "hello "},
        {"prompt": "hello, 42 rows"},
        {"local": True},
        {"tier": "local"},
        {"agent": "dev"},
    ],
    ids=str,
)
def test_another_request_is_asked(server: ScriptedServer, then: dict[str, Any]) -> None:
    """An answer to something else is a wrong answer."""
    tables: dict[str, Any] = {"agents": {"dev": {"primary": ["b", "a"]}}}
    with closing(router(server, models=("a", "b"), provider={"tier": "local"}, route=HOUR, **tables)) as of:
        prompt = then.pop("prompt", "hello")
        assert asked_again(server, of, {}, then, prompt=prompt)


@pytest.mark.parametrize(
    "then",
    [
        {"notebook": "b.ipynb"},
        {"cell_id": "c2"},
        {"priority": "P0"},
        {"deadline_s": 20},
        {"stream": False},
        {"budget_usd": 1},
        {"complexity": 9},
    ],
    ids=str,
)
def test_where_and_how_urgently_it_is_asked_makes_no_difference(server: ScriptedServer, then: dict[str, Any]) -> None:
    """The model would be sent the same."""
    with closing(router(server, models=("a", "b"), route=HOUR)) as of:
        assert not asked_again(server, of, {}, then)


def test_another_order_of_models_or_another_model_behind_the_name_is_asked(server: ScriptedServer, tmp_path: Path) -> None:
    """One who edits routing.toml wants to see what it does."""
    books = tmp_path / "books.db"

    def ask(**tables: Any) -> int:  # noqa: ANN401
        with closing(router(server, books=books, **({"route": HOUR} | tables))) as of:
            of.ask_sync("hello")
        return server.seen.attempts

    assert ask(models=("a", "b")) == 1
    assert ask(models=("b", "a")) == 2
    assert ask(models={"a": {"id": "a-2"}, "b": {}}) == 3
    assert ask(models={"a": {"params": {"temperature": 0.1}}, "b": {}}) == 4
    assert ask(models=("a", "b"), route=HOUR | {"on_low_quality": {"check": "non_empty"}}) == 5
    assert ask(models=("a", "b"), route=HOUR | {"on_timeout": {"retries": 2}}) == 5


def test_whose_turn_it_is_in_a_pool_makes_no_difference(server: ScriptedServer) -> None:
    """Else a round-robin of five would ask five times."""
    tables: dict[str, Any] = {"pools": {"both": {"models": ["a", "b"], "pick": "round-robin"}}}
    with closing(router(server, models=("a", "b"), route=HOUR | {"try": ["both"]}, **tables)) as of:
        assert [of.ask_sync("hello").model for _ in range(3)] == ["a", "a", "a"]
        assert server.seen.attempts == 1


# ---- how long


def test_an_answer_lives_as_long_as_its_route_says(server: ScriptedServer) -> None:
    """The news of yesterday are not the news."""
    with closing(router(server, route=HOUR)) as of:
        clock = clocked(of)
        of.ask_sync("hello")
        clock.forward(3599)
        of.ask_sync("hello")
        assert server.seen.attempts == 1
        clock.forward(1)
        assert of.ask_sync("hello").replay is None
        assert server.seen.attempts == 2
        clock.forward(3599)
        assert of.ask_sync("hello").replay is not None  # the new one took the old one's place
        clock.forward(-7200)
        assert of.ask_sync("hello").replay is None  # the clock was set back: nobody knows how old it is


def test_tasks_have_lives_of_their_own_and_the_route_has_the_last_word(server: ScriptedServer) -> None:
    """Documentation keeps, a search does not."""
    tables: dict[str, Any] = {"cache": {"ttl_s": 100, "tasks": {"documentation": 1000, "research": 0}}}
    with closing(router(server, **tables)) as of:
        clock = clocked(of)
        for task, life_s in (("documentation", 1000), ("chat_qa", 100), ("research", 0)):
            of.ask_sync(task, task=task)
            clock.forward(life_s - 1)
            assert (of.ask_sync(task, task=task).replay is not None) == (life_s > 0)
            clock.forward(1)
            assert of.ask_sync(task, task=task).replay is None
    with closing(router(server, route={"cache": {"ttl_s": 0}}, **tables)) as of:
        of.ask_sync("hello", task="documentation")
        assert of.ask_sync("hello", task="documentation").replay is None


def test_a_temperature_is_cached_only_where_the_route_or_the_caller_says_so(server: ScriptedServer) -> None:
    """One who asks for a temperature wants another answer each time."""
    cases: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
        ({"cache": {"ttl_s": 100}}, {}, False),
        ({"cache": {"ttl_s": 100}}, {"cache": True}, True),
        ({"route": HOUR}, {}, True),
    ]
    for tables, given, is_kept in cases:
        with closing(router(server, **tables)) as of:
            of.ask_sync("hello", temperature=0.7, **given)
            assert (of.ask_sync("hello", temperature=0.7, **given).replay is not None) is is_kept
            of.ask_sync("hello", temperature=0)
            assert of.ask_sync("hello", temperature=0.0).replay is not None


def test_the_caller_can_refuse_the_cache_refresh_it_or_ask_for_it(server: ScriptedServer) -> None:
    """`--no-cache`, `--fresh`, and `cache=` in Python."""
    with closing(router(server, route=HOUR)) as of:
        of.ask_sync("hello", cache=False)
        assert entries(of) == 0
        first = of.ask_sync("hello")
        assert of.ask_sync("hello", cache=False).replay is None
        fresh = of.ask_sync("hello", fresh=True)
        assert fresh.replay is None
        replay = of.ask_sync("hello").replay
        assert replay is not None
        assert replay.request_id == fresh.request_id != first.request_id
        assert server.seen.attempts == 4
    with closing(router(server)) as of:
        of.ask_sync("hello", cache=60)
        assert of.ask_sync("hello", cache=True).replay is not None
        assert of.ask_sync("hello").replay is None


# ---- what is not kept


@pytest.mark.parametrize(
    ("script", "given"),
    [
        (Chaos(reply="I will not.", faults=(Fault(kind="refusal"),)), {}),
        (Chaos(tokens=40), {"max_tokens": 5}),
        (Chaos(tokens=40, faults=(Fault(kind="cut", after_tokens=5),)), {}),
    ],
    ids=["refused", "cut by the request", "broken"],
)
def test_an_answer_that_is_none_is_not_kept(script: Chaos, given: dict[str, Any]) -> None:
    """A mistake that is remembered is made for ever."""
    with ScriptedServer(script=script) as server, closing(router(server, route=HOUR | {"on_stream_break": "keep"})) as of:
        of.ask_sync("hello", **given)
        assert of.ask_sync("hello", **given).replay is None
        assert server.seen.attempts == 2
        assert entries(of) == 0


def test_an_answer_that_fails_its_check_is_not_kept() -> None:
    """It may come right the next time."""
    with ScriptedServer(reply="no json") as server, closing(router(server, route=HOUR | {"on_low_quality": {"check": "json"}})) as of:
        asyncio.run(outcome(of))
        asyncio.run(outcome(of))
        assert server.seen.attempts >= 2
        assert entries(of) == 0


def test_a_failure_is_not_kept() -> None:
    """The provider may be back."""
    script = Chaos(faults=(Fault(kind="auth"),))
    with ScriptedServer(script=script) as server, closing(router(server, route=HOUR)) as of:
        for _ in range(2):
            assert isinstance(asyncio.run(outcome(of)), Exception)
        assert server.seen.attempts == 2


# ---- at the same time


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
            await asyncio.gather(*(other.over(within_s=10) for other in others))
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
            await asyncio.gather(*(one.over(within_s=1) for one in both))
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
        await asyncio.gather(*(one.over(within_s=2) for one in ones))
        await until(lambda: slow.seen.disconnects)

    asyncio.run(main())


# ---- the wall


def test_behind_the_wall_no_answer_from_afar_is_given() -> None:
    """`local` means that what one reads was made here."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        servers = TwoServers(stack, local=Chaos(reply="from here"))
        with closing(servers.router(routes=[{"name": "chat", "try": ["dear", "near"], **HOUR}])) as of:
            assert of.ask_sync("hello").text == "from afar"
            assert of.ask_sync("hello", local=True).text == "from here"
            again = of.ask_sync("hello", local=True)
            assert (again.text, again.attempt.tier, again.replay is not None) == ("from here", "local", True)
            replay = of.ask_sync("hello")
            assert (replay.text, replay.model, replay.attempt.tier) == ("from afar", "dear", "paid")


# ---- restarts and other processes


def test_it_survives_a_restart_and_answers_when_the_provider_is_gone(tmp_path: Path) -> None:
    """Restart and Run All on a train."""
    books = tmp_path / "books.db"
    with ScriptedServer(reply="one two three") as server:
        with closing(router(server, route=HOUR, books=books)) as of:
            of.ask_sync("hello")
        of = router(server, route=HOUR, books=books)
    with closing(of):
        assert of.ask_sync("hello").text == "one two three"


def test_two_processes_share_one_cache(server: ScriptedServer, tmp_path: Path) -> None:
    """Five notebooks on one machine ask a thing once."""
    (tmp_path / "routing.toml").write_text(
        f'[books]\npath = "books.db"\n[providers.p]\nkind = "openai"\nbase_url = "{server.url_for("openai")}"\ntier = "local"\n'
        '[models.a]\nprovider = "p"\nid = "a"\n[[routes]]\nname = "chat"\ntry = ["a"]\ncache = { ttl_s = 3600 }\n',
        encoding="utf-8",
    )
    code = "import routebook as rb; r = rb.Router(); print([r.ask_sync(f'question {n}').replay is None for n in range(5)]); r.close()"
    said = [
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout
        for _ in range(2)
    ]
    assert said == [f"{[True] * 5}\n", f"{[False] * 5}\n"]
    assert server.seen.attempts == 5


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
            await until(lambda: waiting.count(Delta), within_s=5)
            waiting.stop()
            await asyncio.gather(stopped.over(within_s=2), waiting.over(within_s=2))
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
        assert time.monotonic() - begun < 4.2
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


def test_a_damaged_row_is_asked_again_and_replaced(server: ScriptedServer, tmp_path: Path) -> None:
    """A cache is never a reason to fail."""
    books = tmp_path / "books.db"
    with closing(router(server, route=HOUR, books=books)) as of:
        of.ask_sync("hello")
        with closing(sqlite3.connect(books)) as other, other:
            other.execute('UPDATE cache SET answer = CAST(\'{"text": "forged\' AS BLOB)')
        assert of.ask_sync("hello").text == "one two three"
        assert server.seen.attempts == 2
        assert of.ask_sync("hello").replay is not None


def test_nothing_of_the_prompt_is_in_the_cache(server: ScriptedServer, tmp_path: Path) -> None:
    """The books hold what was answered, never what was asked."""
    books = tmp_path / "books.db"
    with closing(router(server, route=HOUR, books=books)) as of:
        of.ask_sync("a very private question", system="a secret instruction")
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("books.db*"))
    assert b"one two three" in stored
    assert b"private" not in stored
    assert b"secret" not in stored


# ---- what was called bad


@pytest.mark.parametrize("about", ["the answer", "its replay"])
def test_an_answer_that_was_called_bad_is_given_to_nobody_again(server: ScriptedServer, tmp_path: Path, about: str) -> None:
    """In no kernel and after no restart: whoever read it and said so would get it again for a day."""
    books = tmp_path / "books.db"
    with closing(router(server, route=HOUR, books=books)) as of, closing(router(server, route=HOUR, books=books)) as other:
        first, replay = of.ask_sync("hello"), other.ask_sync("hello")
        assert replay.replay is not None
        of.vote((first if about == "the answer" else replay).request_id, good=False)
        assert other.ask_sync("hello").replay is None
        assert of.ask_sync("hello").replay is not None, "the new answer was not kept"
    assert server.seen.attempts == 2
    with closing(router(server, route=HOUR, books=books)) as of:
        of.vote(of.ask_sync("hello").request_id, 0.2)
        assert of.ask_sync("hello").replay is None


def test_only_the_answer_that_is_bad_is_dropped(server: ScriptedServer, tmp_path: Path) -> None:
    """A good word drops nothing, and a bad one about an answer of old says nothing about the one that took its place."""
    with closing(router(server, route=HOUR, books=tmp_path / "books.db")) as of:
        old, good = of.ask_sync("hello"), of.ask_sync("good day")
        of.ask_sync("hello", fresh=True)
        of.vote(good.request_id, good=True)
        of.vote(old.request_id, good=False)
        assert [of.ask_sync(prompt).replay is not None for prompt in ("hello", "good day")] == [True, True]


def test_a_bad_word_of_one_who_shared_the_call_counts_as_well(slow: ScriptedServer, tmp_path: Path) -> None:
    """Two cells asked the same at the same time, and the second one's reader says that it is wrong."""

    async def main() -> bool:
        async with router(slow, route=HOUR, books=tmp_path / "books.db") as of:
            answers = await asyncio.gather(*(of.ask("hello") for _ in range(2)))
            (shared,) = [answer for answer in answers if answer.replay is not None]
            await asyncio.to_thread(of.vote, shared.request_id, good=False)
            return (await of.ask("hello")).replay is None

    assert asyncio.run(main())


# ---- what it would cost


def test_what_a_run_would_cost_is_known_before_it(server: ScriptedServer) -> None:
    """A guard before Run All asks with these figures."""
    with closing(router(server, models={"a": {}, "riddle": {"price": None}}, route=HOUR)) as of:
        first = of.ask_sync("one")
        found = of.replay_cost(["one", "two", "three", "two", ("one", {"fresh": True}), ("four", {"model": "riddle"})])
        assert (found.replayed, found.asked, found.unpriced) == (2, 4, 1)
        assert found.replayed_usd == first.cost_usd
        two, three, one = (of.plan(prompt).candidates[0].expected_cost_usd or Decimal(0) for prompt in ("two", "three", "one"))
        assert found.cost_usd == one + two + three
        assert server.seen.attempts == 1
        nothing = of.replay_cost([])
        assert (nothing.replayed, nothing.asked, nothing.cost_usd) == (0, 0, Decimal(0))
