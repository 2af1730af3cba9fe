"""The facade: one engine behind every way of asking, and nothing left when it closes."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from served import Running, brief, events_of, heard, left_reserved, loaded, outcome, router, rows, until, wait_until

from routebook.engine.loop import engine_loop
from routebook.engine.router import Router
from routebook.errors import BooksError, ConfigError, RoutebookError, UsageError
from routebook.events import Decision, Done, Started
from routebook.messages import Answer, Delta
from routebook.testing import Chaos, Fault, ScriptedServer


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


def engine_tasks() -> list[str]:
    """What runs on the engine's loop."""

    async def look() -> list[str]:
        return [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    return engine_loop().run_sync(look())


def test_asking_from_a_script_from_a_loop_and_from_inside_a_running_loop_is_one_thing(server: ScriptedServer) -> None:
    """Notebooks have a running loop, scripts have none, libraries have their own."""
    with closing(router(server)) as of:
        assert of.ask_sync("hello").text == "one two three"

        async def main() -> list[str]:
            return [(await of.ask("hello")).text, of.ask_sync("hello").text]

        assert asyncio.run(main()) == ["one two three"] * 2
        assert asyncio.run(main()) == ["one two three"] * 2  # another loop, the same router
        assert len(rows(of)) == server.seen.attempts == 5


def test_threads_may_ask_at_once(server: ScriptedServer) -> None:
    """Thread pools are how people run things in parallel."""
    with closing(router(server)) as of:
        answers: list[Answer] = []
        threads = [threading.Thread(target=lambda: answers.append(of.ask_sync("hello"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [answer.text for answer in answers] == ["one two three"] * 8


def test_fifty_who_ask_first_open_one_runtime(server: ScriptedServer, tmp_path: Path) -> None:
    """Restart-and-run-all: two sets of gates would let in twice as many."""

    async def main() -> None:
        async with router(server, models={"a": {"max_concurrent": 4}}, books=tmp_path / "books.db") as of:
            await asyncio.gather(*(of.ask(f"question {number}") for number in range(50)))
            sessions = of.runtime().books.read(lambda connection: connection.execute("SELECT count(*) FROM sessions").fetchone())
            assert sessions == (1,)
            assert len(rows(of)) == 50

    asyncio.run(main())
    assert server.seen.peak_concurrent <= 4


def test_a_stream_begins_with_the_decision_and_ends_with_the_answer(server: ScriptedServer) -> None:
    """Views are written against this order."""

    async def main() -> None:
        async with router(server) as of:
            seen, error = await heard(of)
            assert error is None
            assert [type(event) for event in seen[:2]] == [Decision, Started]
            assert {type(event) for event in seen[2:-1]} == {Delta}
            done = seen[-1]
            assert isinstance(done, Done)
            assert "".join(event.text for event in seen if isinstance(event, Delta)) == done.answer.text == "one two three"
            assert done.answer.attempts == tuple(of.attempts(done.answer.request_id))

    asyncio.run(main())


def test_closing_a_stream_early_cancels_the_request(slow: ScriptedServer) -> None:
    """`break` out of the loop is a stop button too."""

    async def main() -> None:
        async with router(slow) as of:
            async with events_of(of, "tell me") as events:
                async for event in events:
                    if isinstance(event, Delta):
                        break
            at = time.monotonic()
            await until(lambda: slow.seen.disconnects)
            assert slow.seen.disconnects[0] - at < 1.5, "it would speak for two seconds"
            await until(lambda: left_reserved(of) == (0, 0))
            assert brief(of.attempts()) == [("a", "answer", "cancelled")]

    asyncio.run(main())


def test_cancelling_who_asks_cancels_the_request(slow: ScriptedServer) -> None:
    """`asyncio.wait_for` and a task group must not leave a call running and costing."""

    async def main() -> None:
        async with router(slow) as of:
            asking = asyncio.create_task(of.ask("tell me"))
            await until(lambda: slow.seen.attempts)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await until(lambda: slow.seen.disconnects)
            await until(lambda: left_reserved(of) == (0, 0))
            assert brief(of.attempts()) == [("a", "answer", "cancelled")]

    asyncio.run(main())


def test_an_error_of_a_stream_is_raised_after_its_events(server: ScriptedServer) -> None:
    """Failures are failures, never a text."""

    async def main() -> None:
        async with router(server) as of:
            seen, error = await heard(of, tier="free")
            assert [type(event) for event in seen] == [Decision]
            assert isinstance(error, RoutebookError)

    asyncio.run(main())


def test_planning_sends_nothing(server: ScriptedServer) -> None:
    """`--dry` is a promise."""
    with closing(router(server, models=("a", "b"))) as of:
        plan = of.plan("hello there", max_tokens=100)
        assert [candidate.model for candidate in plan.candidates] == ["a", "b"]
        assert plan.candidates[0].expected_cost_usd is not None
        assert rows(of) == []
    assert server.seen.connections == 0


def test_a_prompt_or_an_option_that_is_not_right_is_said_before_anything_is_sent(server: ScriptedServer) -> None:
    """An empty cell, a model with a typing error, a temperature of 7."""
    with closing(router(server)) as of:
        for prompt, options, said in (
            (" \n", {}, "The prompt is empty"),
            ("hello", {"model": "aa"}, "There is no model 'aa'. Did you mean 'a'"),
            ("hello", {"temperature": 7}, "temperature must be between 0 and 2, not 7"),
            ("hello", {"max_tokens": 100.5}, "max_tokens must be a whole number, not 100.5"),
            ("hello", {"temperature": "hot"}, "temperature must be a finite number, not 'hot'"),
            ("hello", {"budget_usd": float("nan")}, "budget_usd must be a finite number, not nan"),
            ("hello", {"modle": "a"}, "There is no option 'modle'. Did you mean 'model'"),
            ("hello", {"priority": "P9"}, "priority must be one of P0, P1, P2, P3, not 'P9'"),
        ):
            with pytest.raises(UsageError, match=said.replace("?", r"\?")):
                of.ask_sync(prompt, **options)
        assert rows(of) == []
    assert server.seen.connections == 0


def threads_and_files() -> tuple[set[str], int]:
    """The names of the threads, the loop's own pool aside, and how many files and sockets are open, where the system tells."""
    files = Path("/proc/self/fd")
    names = {thread.name for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}
    return names, len(list(files.iterdir())) if files.is_dir() else 0


def test_closing_leaves_no_thread_no_socket_and_no_task(server: ScriptedServer, tmp_path: Path) -> None:
    """A kernel lives for weeks; what each router leaves behind adds up."""

    async def main() -> None:
        async with router(server, books=tmp_path / "books.db") as of:
            await asyncio.gather(*(of.ask(f"question {number}") for number in range(10)))

    asyncio.run(main())  # the first use of all opens what is shared
    wait_until(lambda: not server._server._connections)  # its ends of the sockets are among the files of this process
    gc.collect()
    before = threads_and_files()
    for _ in range(3):
        asyncio.run(main())
    gc.collect()
    assert engine_tasks() == []
    assert threads_and_files()[0] <= before[0]
    wait_until(lambda: threads_and_files()[1] <= before[1])


def test_a_closed_router_opens_again(server: ScriptedServer, tmp_path: Path) -> None:
    """A notebook's cells are run in any order."""
    of = router(server, books=tmp_path / "books.db")
    assert not of.is_open
    of.ask_sync("hello")
    of.close()
    of.close()
    assert not of.is_open
    of.ask_sync("hello")
    assert len(rows(of)) == 2
    of.close()


@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini", "ollama"])
def test_closing_ends_what_is_under_way_and_books_it(kind: str, slow: ScriptedServer, tmp_path: Path) -> None:
    """`%route reload` while a cell runs in the background: its cost so far is in the books, and nothing runs on unseen."""
    path = tmp_path / "books.db"
    of = router(slow, books=path, provider={"kind": kind, "base_url": slow.url_for(kind)})  # type: ignore[arg-type]  # a wire's name

    async def main() -> None:
        running = [Running(of, f"story {number}") for number in range(3)]
        await until(lambda: all(one.count(Delta) for one in running))
        of.close()
        for one in running:
            await one.over()
            assert isinstance(one.seen[-1], Done)
            with pytest.raises(UsageError, match="The router was closed while this request was under way"):
                one.result()
        await until(lambda: len(slow.seen.disconnects) == 3)

    asyncio.run(main())
    with closing(router(slow, books=path)) as again:
        assert [row.status for row in rows(again)] == ["cancelled"] * 3
        assert left_reserved(again) == (0, 0)


def test_a_request_cancelled_just_before_closing_is_booked(slow: ScriptedServer, tmp_path: Path) -> None:
    """A timeout inside of `async with` leaves both at the same moment."""
    path = tmp_path / "books.db"

    async def main() -> None:
        async with router(slow, books=path) as of:
            asking = asyncio.gather(*(of.ask(f"story {number}") for number in range(5)))
            await until(lambda: slow.seen.attempts == 5)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    asyncio.run(main())
    with closing(router(slow, books=path)) as again:
        assert [row.status for row in rows(again)] == ["cancelled"] * 5
        assert left_reserved(again) == (0, 0)


def test_two_routers_share_one_file_of_books(server: ScriptedServer, tmp_path: Path) -> None:
    """Five notebooks, one budget."""
    path = tmp_path / "books.db"
    cap = {"total": {"daily": "0.0015"}}  # each call may need 0.000359 at most: four at once

    async def main() -> None:
        async with router(server, books=path, budgets=cap) as one, router(server, books=path, budgets=cap) as two:
            results = await asyncio.gather(*(outcome(of, f"hello {n}", max_tokens=100) for n in range(10) for of in (one, two)))
            assert len(rows(one)) == len(rows(two)) == server.seen.attempts == sum(isinstance(result, Answer) for result in results)
            assert server.seen.attempts >= 4
            assert sum(row.cost_usd or 0 for row in rows(one)) <= 0.0015

    asyncio.run(main())


def test_books_that_cannot_be_opened_are_said_and_the_next_try_may_do(server: ScriptedServer, tmp_path: Path) -> None:
    """Nothing is sent that cannot be booked; when the user has mended it, the same router works."""
    path = tmp_path / "books.db"
    path.write_text("no database\n" * 100)
    of = router(server, books=path)
    for _ in range(2):
        with pytest.raises(BooksError, match="are not a database"):
            of.ask_sync("hello")
    of.close()
    assert server.seen.connections == 0
    path.unlink()
    assert of.ask_sync("hello").text == "one two three"
    of.close()


def test_a_file_that_is_wrong_is_refused_with_every_problem(tmp_path: Path) -> None:
    """At once, when the router is made."""
    file = tmp_path / "routing.toml"
    file.write_text('[defaults]\nroute = "chta"\n[[routes]]\nname = "chat"\ntry = ["nobody"]\n')
    with pytest.raises(ConfigError) as caught:
        Router.load(file)
    assert len(caught.value.problems) == 2


def test_a_router_is_loaded_from_a_file_and_finds_its_books_beside_it(server: ScriptedServer, tmp_path: Path) -> None:
    """The whole way from the file to the answer."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "routing.toml").write_text(
        f"""
        [books]
        path = "own.db"
        [providers.p]
        kind = "openai"
        base_url = "{server.url}"
        tier = "free"
        [models.m]
        provider = "p"
        id = "m"
        [[routes]]
        name = "chat"
        try = ["m"]
        """
    )
    with closing(Router.load(folder / "routing.toml")) as of:
        assert of.ask_sync("hello").model == "m"
        assert of.file == folder / "routing.toml"
    assert (folder / "own.db").exists()


def test_a_chaos_provider_of_the_file_works_like_any_other() -> None:
    """The demonstration, and users' own tests, need no server of theirs."""
    providers = {"demo": {"kind": "chaos", "chaos": {"reply": "all is well", "faults": [{"kind": "cut", "first": 1}]}}}
    of = Router(loaded(providers=providers, models={"a": {"provider": "demo", "id": "a"}}, routes=[{"name": "chat", "try": ["a"]}]))

    async def main() -> None:
        async with of:
            answer = await of.ask("hello", local=True)
            assert answer.text == "all is well"
            assert [attempt.status for attempt in answer.attempts] == ["error", "ok"]

    asyncio.run(main())


def test_an_answer_asked_for_whole_comes_in_one_piece() -> None:
    """Where nobody reads along, streaming costs twenty times the CPU; its failures are handled alike."""
    with ScriptedServer(reply="one two three", faults=[Fault(kind="malformed", first=1)]) as server:

        async def main() -> None:
            async with router(server) as of:
                seen, error = await heard(of, stream=False)
                assert error is None
                assert [event.text for event in seen if isinstance(event, Delta)] == ["one two three"]
                assert [row.status for row in rows(of)] == ["error", "ok"]

        asyncio.run(main())
        assert not server.seen.calls[0].json()["stream"]
