"""A worker's way to the desk: whatever is asked is sent, who asked is told when the worker goes away, and what was let in for one who left goes out again."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from making import attempt, config
from served import until

from routebook.bulk.desk import HOSTS, Desk, value
from routebook.bulk.host import Host
from routebook.bulk.remote import RemoteBooks, Wire
from routebook.errors import BooksError

distributed = pytest.importorskip("distributed", reason="the extra dask: pip install routebook[dask]")


class Near:
    """A way to a desk in this process, on which what was let in is told late."""

    def __init__(self, desk: Desk) -> None:
        """What the desk says of an admission waits for `told`."""
        self._desk = desk
        self.is_in, self.told = asyncio.Event(), asyncio.Event()

    async def ask(self, what: str, *words: Any) -> Any:  # noqa: ANN401
        """See `Wire.ask`."""
        [came] = await self._desk.ask("tcp://worker", [(what, words)])
        if what == "admit":
            self.is_in.set()
            await self.told.wait()
        return value(came)


class Carrier:
    """Stands in for Dask's worker on a loop: carries each message to a desk that says it again, or never answers."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, answers: bool) -> None:
        """The loop runs."""
        self.loop = SimpleNamespace(asyncio_loop=loop)
        self.address = "inproc://worker"
        self.sent = 0
        self._answers = answers

    def rpc(self, _desk: str) -> Carrier:
        """The desk."""
        return self

    async def actor_execute(self, *, args: list[Any], **_: Any) -> dict[str, Any]:  # noqa: ANN401
        """What each asked, as the desk would carry it back."""
        self.sent += 1
        await (asyncio.sleep(0) if self._answers else asyncio.Event().wait())
        return {"status": "OK", "result": [(True, words[0]) for _, words in args[1].data]}

    def close(self) -> None:
        """As a worker's loop ends: what still runs there is cancelled."""

        async def end() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self.loop.asyncio_loop).result(10)


@contextmanager
def loop_elsewhere() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop on a thread of its own, as a worker has."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def test_who_asked_is_told_when_the_worker_closes() -> None:
    """Those under way, and those gathered for the next message."""

    async def main(worker: Carrier) -> list[Any]:
        wire = Wire(cast("Any", worker), desk="tcp://desk", key="actor")
        asked = []
        for sent, what in enumerate(("renew", "parked"), start=1):
            asked.append(asyncio.ensure_future(wire.ask(what)))
            await until(lambda sent=sent: worker.sent == sent)  # type: ignore[misc]  # each goes in a message of its own
        asked.append(asyncio.ensure_future(wire.ask("note")))
        await asyncio.sleep(0)  # gathered for the next: two are under way at most
        await asyncio.to_thread(worker.close)
        return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 10)

    with loop_elsewhere() as loop:
        worker = Carrier(loop, answers=False)
        said = asyncio.run(main(worker))
    assert worker.sent == 2
    assert [type(one) for one in said] == [BooksError] * 3
    assert "closes" in str(said[0])


def test_what_is_asked_in_the_moment_the_last_message_came_back_is_sent_too() -> None:
    """With nobody to send it the job would not end."""
    rng = random.Random(7)

    async def main() -> None:
        wire = Wire(cast("Any", Carrier(asyncio.get_running_loop(), answers=True)), desk="tcp://desk", key="actor")

        async def ask(name: int) -> None:
            for number in range(1500):
                assert await wire.ask("say", (name, number)) == (name, number)
                for _ in range(rng.randrange(5)):
                    await asyncio.sleep(0)

        await asyncio.wait_for(asyncio.gather(*(ask(name) for name in range(3))), 60)

    asyncio.run(main())


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """The books of one who asked, with a budget of a dollar."""
    HOSTS["job"] = Host(str(tmp_path / "books.db"), budgets={}, budget_usd=Decimal(1))
    yield HOSTS["job"]
    del HOSTS["job"]


def test_who_leaves_while_the_desk_lets_it_in_is_let_out_again(host: Host, tmp_path: Path) -> None:
    """Nothing was sent: a row that stays `running` would hold its share of every cap as long as the notebook lives."""

    async def main() -> None:
        near = Near(Desk("job"))
        books = RemoteBooks(cast("Any", near), config=config())
        admitting = asyncio.ensure_future(books.admit(attempt(status="running"), need_usd=Decimal("0.9")))
        await near.is_in.wait()
        admitting.cancel()
        await asyncio.wait([admitting])
        assert admitting.cancelled()
        near.told.set()
        await books.aclose()
        assert await host.admit("tcp://other", attempt(status="running", request_id="next"), need_usd=Decimal("0.9"), claim=None)
        await host.aclose()

    asyncio.run(main())
    with closing(sqlite3.connect(tmp_path / "books.db")) as books:
        assert books.execute("SELECT request_id FROM attempts").fetchall() == [("next",)]


def test_what_nobody_will_tell_the_end_of_is_lost_when_the_job_ends(host: Host, tmp_path: Path) -> None:
    """A worker that hangs must not hold its share of the caps as long as the notebook lives."""

    async def main() -> None:
        assert await host.admit("tcp://worker", attempt(status="running"), need_usd=Decimal("0.9"), claim=None)
        await host.aclose()

    asyncio.run(main())
    with closing(sqlite3.connect(tmp_path / "books.db")) as books:
        assert books.execute("SELECT status, reserved_pusd FROM attempts").fetchall() == [("lost", 0)]
