"""The stop button in the worst moments: as work starts, as a cell's last form is made, while a router closes, while a row is written."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from served import Running, router, rows, until
from test_page import answer

from routebook.engine.loop import Job, engine_loop
from routebook.engine.router import Router
from routebook.errors import RoutebookError
from routebook.events import Done, Event
from routebook.messages import Answer, Delta
from routebook.notebook.gather import News
from routebook.notebook.live import ALONE, Interrupted, Start, follow_all
from routebook.notebook.panels.background import Jobs
from routebook.testing import Chaos, ScriptedServer


class Pressed(asyncio.SelectorEventLoop):
    """A loop on which the stop button is pressed as soon as work was handed to it."""

    is_armed = True

    def call_soon_threadsafe(self, *given: Any, **more: Any) -> asyncio.Handle:  # noqa: ANN401  whatever it takes
        """Hand it on; the caller never hears of it."""
        handle = super().call_soon_threadsafe(*given, **more)
        if self.is_armed:
            self.is_armed = False
            signal.raise_signal(signal.SIGINT)
        return handle


def test_work_that_is_interrupted_as_it_starts_does_not_go_on_unseen() -> None:
    """Nobody could cancel it, and it would be paid for."""
    loop, ended = Pressed(), threading.Event()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        Job(loop, asyncio.sleep(60), on_end=ended.set)
    assert ended.wait(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class Panes:
    """A view in which the stop button is pressed as it opens, or as it closes for the first time."""

    def __init__(self, moment: str) -> None:
        """`moment` is `open` or `close`."""
        self.moment = moment
        self.closed: list[Mapping[str, Answer]] = []

    def _press(self, moment: str) -> None:
        if moment == self.moment:
            self.moment = ""
            signal.raise_signal(signal.SIGINT)

    def open(self, *, cancel: Callable[[str], None]) -> None:
        """It is open when the button is pressed."""
        assert callable(cancel)
        self._press("open")

    def show(self, news: Mapping[str, News]) -> None:
        """Nothing is looked at."""

    def close(self, answers: Mapping[str, Answer], failures: Mapping[str, RoutebookError]) -> None:
        """Half-done when the button is pressed."""
        assert not failures
        self._press("close")
        self.closed.append(dict(answers))


def starting(seconds: float, ended: threading.Event) -> Start:
    """A request that says something and is answered after so many seconds."""

    def start(emit: Callable[[Any], None], on_end: Callable[[], None]) -> Job[Answer]:
        async def work() -> Answer:
            emit(Delta(text="well"))
            await asyncio.sleep(seconds)
            found = answer(text="well")
            emit(Done(answer=found))
            return found

        def end() -> None:
            ended.set()
            on_end()

        return engine_loop().start(work(), on_end=end)

    return start


def test_a_cell_that_is_stopped_as_its_last_form_is_made_gets_it_whole() -> None:
    """A half of it would be left, with a button that nobody hears."""
    view = Panes("close")
    with pytest.raises(Interrupted, match="4 characters are kept"):
        follow_all({ALONE: starting(0.1, threading.Event())}, view)
    assert [answers[ALONE].text for answers in view.closed] == ["well"]


def test_a_background_cell_that_is_stopped_as_its_card_comes_up_leaves_nothing_behind() -> None:
    """Its request would go on where nobody finds it."""
    jobs, view, ended = Jobs(), Panes("open"), threading.Event()
    with pytest.raises(KeyboardInterrupt):
        jobs.start(starting(60, ended), view, prompt="?", on_answer=lambda _answer: None)
    assert ended.wait(10)
    assert (jobs.all(), view.closed) == ([], [{}])


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the files that are open in /proc")
def test_a_close_that_is_stopped_goes_on(tmp_path: Path) -> None:
    """What it had not come to yet would stay open as long as the process, and nobody could reach it."""
    path = tmp_path / "books.db"

    def is_open() -> bool:
        return any(entry.exists() and entry.resolve() == path.resolve() for entry in Path("/proc/self/fd").iterdir())

    with ScriptedServer(script=Chaos(tokens=2000, tokens_per_s=100)) as server:

        async def main() -> None:
            of = router(server, books=path)
            running = Running(of)
            await until(lambda: server.seen.attempts)
            assert is_open()
            with locked(path):  # closing waits for the row of what it ends
                stopped = asyncio.create_task(of.__aexit__(None, None, None))
                await until(lambda: not of.is_open)
                stopped.cancel()
                await asyncio.wait([stopped])
                assert is_open()
            await running.over(within_s=20)
            await until(lambda: not is_open(), within_s=20)

        asyncio.run(main())


def test_a_cached_answer_whose_row_is_on_its_way_is_told_whole(tmp_path: Path) -> None:
    """Its text stands in the cell already."""
    path, seen, ended = tmp_path / "books.db", list[Event](), threading.Event()

    async def main() -> None:
        async with router(server, books=path, route={"cache": {"ttl_s": 3600}}) as of:
            await of.ask("hello")
            with ExitStack() as opened:

                def hear(event: Event) -> None:
                    if isinstance(event, Delta):
                        opened.enter_context(locked(path))
                    seen.append(event)

                job = of.start("hello", emit=hear, on_end=ended.set)
                await until(lambda: any(isinstance(event, Delta) for event in seen))
                job.cancel()
                await until(ended.is_set)
            await until(lambda: [row.status for row in rows(of)] == ["ok", "cached"])

    with ScriptedServer(reply="all is well") as server:
        asyncio.run(main())
        assert server.seen.attempts == 1
    assert isinstance(seen[-1], Done)
    assert (seen[-1].answer.text, seen[-1].answer.finish_reason) == ("all is well", "stop")


def test_who_is_stopped_while_it_looks_whether_another_asks_does_not_pass_for_one_who_does(tmp_path: Path) -> None:
    """Another notebook would wait for the answer half of its time."""
    path = tmp_path / "books.db"
    with ScriptedServer(reply="all is well") as server:

        async def main() -> None:
            async with router(server, books=path, route={"cache": {"ttl_s": 3600}}) as of:
                await of.ask("something else")
                with locked(path):
                    running = Running(of, "hello")
                    await asyncio.sleep(0.3)
                    running.stop()
                    await running.over()
                await of.runtime().books.write(lambda _connection: None)  # after what waited for the lock
                await until(lambda: not left_asking(of))
            assert server.seen.attempts == 1

        asyncio.run(main())


def left_asking(of: Router) -> int:
    """How many marks say that somebody asks just now."""
    return int(of.runtime().books.read(lambda connection: connection.execute("SELECT count(*) FROM cache_asking").fetchone()[0]))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the books."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
