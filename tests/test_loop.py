"""The engine's loop: one thread, reached from all others, and interrupts that lose nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from served import left_reserved, router, rows, until, wait_until

from routebook.engine.loop import engine_loop
from routebook.engine.router import Router
from routebook.testing import Chaos, ScriptedServer


def test_there_is_one_loop_however_many_ask_for_it_first() -> None:
    """Limits hold only when all calls go through one loop."""
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(engine_loop())) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


def test_work_may_be_awaited_from_any_loop_and_from_its_own() -> None:
    """A library that runs on the engine's loop asks as others do."""

    async def work() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    async def nested() -> str:
        return await engine_loop().run(work())

    assert asyncio.run(engine_loop().run(work())) == "routebook-engine"
    assert engine_loop().run_sync(nested()) == "routebook-engine"


def test_what_the_work_raises_is_raised() -> None:
    """With its own type and message."""

    async def work() -> None:
        raise LookupError("as it was")

    with pytest.raises(LookupError, match="as it was"):
        engine_loop().run_sync(work())
    with pytest.raises(LookupError, match="as it was"):
        asyncio.run(engine_loop().run(work()))


def test_the_loop_that_waits_goes_on() -> None:
    """A notebook's own loop serves its widgets meanwhile."""

    async def main() -> None:
        ticks = 0
        waiting = asyncio.create_task(engine_loop().run(until(lambda: ticks >= 5)))
        while not waiting.done():
            await asyncio.sleep(0.005)
            ticks += 1
        await waiting

    asyncio.run(main())


def test_a_loop_that_ended_before_the_work_does_no_harm() -> None:
    """A cell's `asyncio.run` is over, its stream was not read to the end: the engine must not stumble over that."""

    async def main() -> None:
        task = asyncio.create_task(engine_loop().run(asyncio.sleep(0.1)))
        await asyncio.sleep(0.01)
        task.get_loop().call_soon(task.get_loop().stop)
        await asyncio.sleep(1)

    loop = asyncio.new_event_loop()
    task = loop.create_task(main())
    with pytest.raises(RuntimeError, match="stopped before"):
        loop.run_until_complete(task)
    for left in asyncio.all_tasks(loop):
        left.cancel()
    loop.run_until_complete(asyncio.sleep(0.3))
    loop.close()
    assert engine_loop().run_sync(asyncio.sleep(0, "well")) == "well"


def test_a_sync_call_on_the_engine_s_own_thread_is_an_error_not_a_deadlock() -> None:
    """Else a callback that asks would hang the kernel for good."""

    async def inside() -> None:
        engine_loop().run_sync(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="use the async form"):
        engine_loop().run_sync(inside())


@pytest.mark.parametrize(
    "run", [lambda work: engine_loop().run_sync(work), lambda work: asyncio.run(engine_loop().run(work))], ids=["sync", "async"]
)
def test_an_interrupt_waits_for_the_end_of_what_it_stops(run: Callable[[Any], None]) -> None:
    """What is written at the end of an attempt takes a moment; a script that ends before loses it."""
    steps: list[str] = []
    interrupt = threading.Timer(0.2, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))

    async def work() -> None:
        interrupt.start()
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.1)
            steps.append("ended")

    with pytest.raises(KeyboardInterrupt):
        run(work())
    assert steps == ["ended"]
    interrupt.join()


def test_an_interrupt_of_a_script_books_what_was_under_way(tmp_path: Path) -> None:
    """Ctrl-C ends the script; the attempt is a row with its cost, not one that runs for ever."""
    with ScriptedServer(script=Chaos(tokens=3000, tokens_per_s=100)) as slow:
        said = interrupted(tmp_path, slow)
        wait_until(lambda: slow.seen.disconnects)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert len(slow.seen.disconnects) == 1
    with closing(Router.load(tmp_path / "routing.toml")) as of:
        (row,) = rows(of)
        assert (row.status, left_reserved(of)) == ("cancelled", (0, 0))
        assert (row.output_tokens or 0) > 0


def interrupted(folder: Path, slow: ScriptedServer) -> str:
    """Run a script that asks, interrupt it while the answer comes, and return what it said."""
    (folder / "routing.toml").write_text(
        f"""
        books = {{ path = "books.db" }}
        providers.p = {{ kind = "openai", base_url = "{slow.url}", tier = "paid" }}
        models.a = {{ provider = "p", id = "a", price = {{ input = 1, output = 2 }} }}
        routes = [{{ name = "chat", try = ["a"] }}]
        """
    )
    script = "import routebook as rb; rb.Router().ask_sync('tell me a story')"
    child = subprocess.Popen([sys.executable, "-c", script], cwd=folder, stderr=subprocess.PIPE, text=True)

    async def main() -> None:
        await until(lambda: slow.seen.attempts, within_s=20)
        await asyncio.sleep(1.5)  # the first token has reached the child, which says nothing of it
        child.send_signal(signal.SIGINT)

    asyncio.run(main())
    return child.communicate(timeout=20)[1]


FORKED = """
import asyncio, os, sys, threading
import routebook as rb

async def stream(router):
    return "".join([event.text async for event in router.stream("hello") if isinstance(event, rb.Delta)])

router = rb.Router()
print("parent", router.ask_sync("hello").text, flush=True)
child = os.fork()
if child == 0:
    try:
        print("child", router.ask_sync("hello").text, asyncio.run(stream(router)), len(router.attempts()), flush=True)
        router.close()
    finally:
        os._exit(0)
os.waitpid(child, 0)
print("parent", router.ask_sync("hello again").text, flush=True)
router.close()
print("rows", len(rb.Router().frame()), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_asks_as_its_parent_does(tmp_path: Path) -> None:
    """`multiprocessing` forks on Linux: the engine's thread is not in the child, whose first question would wait for ever."""
    with ScriptedServer(reply="well") as server:
        (tmp_path / "routing.toml").write_text(
            f"""
            books = {{ path = "books.db" }}
            providers.p = {{ kind = "openai", base_url = "{server.url}", tier = "paid" }}
            models.a = {{ provider = "p", id = "a" }}
            routes = [{{ name = "chat", try = ["a"] }}]
            """
        )
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", FORKED], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.stdout.split("\n") == ["parent well", "child well well 1", "parent well", "rows 4", ""], done.stderr


def test_closing_while_another_program_holds_the_books_stops_nothing_else(tmp_path: Path) -> None:
    """Other routers of the process stream on the same loop: it must not stand still for the seconds of a lock."""
    path = tmp_path / "books.db"
    with ScriptedServer(script=Chaos(tokens=5)) as server:

        async def main() -> None:
            of, other = router(server, books=path), router(server)
            await of.ask("hello")
            await other.ask("hello")
            lock = sqlite3.connect(path, isolation_level=None)
            lock.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(of.ask("hello"))
            await asyncio.sleep(0.05)
            closing_it = asyncio.create_task(of.__aexit__(None, None, None))
            await asyncio.sleep(0.05)
            assert (await asyncio.wait_for(other.ask("hello"), 20)).text
            assert not closing_it.done()
            lock.execute("COMMIT")
            lock.close()
            await asyncio.wait_for(closing_it, 10)
            await asyncio.wait([waiting])
            waiting.exception()
            await other.__aexit__(None, None, None)

        asyncio.run(main())
