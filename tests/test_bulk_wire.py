"""A worker's way to the desk when the worker goes away: who asked is told, and does not wait for ever."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest
from served import until

from routebook.bulk.remote import Wire
from routebook.errors import BooksError

distributed = pytest.importorskip("distributed", reason="the extra dask: pip install routebook[dask]")


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
