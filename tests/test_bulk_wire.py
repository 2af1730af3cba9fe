"""A worker's way to the desk when somebody goes away: who asked is told, and what was let in for one who left goes out again."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
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


class Silent:
    """A worker on a loop of its own, whose messages are never answered."""

    def __init__(self) -> None:
        """The loop runs on a thread until `close`."""
        self.loop = SimpleNamespace(asyncio_loop=asyncio.new_event_loop())
        self.address = "inproc://worker"
        self.sent = 0
        self._thread = threading.Thread(target=self.loop.asyncio_loop.run_forever, daemon=True)
        self._thread.start()

    def rpc(self, _desk: str) -> Silent:
        """The desk."""
        return self

    async def actor_execute(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401
        """Never answers."""
        self.sent += 1
        await asyncio.Event().wait()
        return {}

    def close(self) -> None:
        """As a worker's loop ends: what still runs there is cancelled."""

        async def end() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self.loop.asyncio_loop).result(10)
        self.loop.asyncio_loop.call_soon_threadsafe(self.loop.asyncio_loop.stop)
        self._thread.join(10)
        self.loop.asyncio_loop.close()


def test_who_asked_is_told_when_the_worker_closes() -> None:
    """Those under way, and those gathered for the next message."""
    worker = Silent()

    async def main() -> list[Any]:
        wire = Wire(cast("Any", worker), desk="tcp://desk", key="actor")
        asked = []
        for what in ("renew", "parked", "note"):
            asked.append(asyncio.ensure_future(wire.ask(what)))
            await asyncio.sleep(0.05)  # each would go in a message of its own; two are under way at most
        await until(lambda: worker.sent == 2)
        await asyncio.to_thread(worker.close)
        return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 10)

    said = asyncio.run(main())
    assert [type(one) for one in said] == [BooksError] * 3
    assert "closes" in str(said[0])


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
