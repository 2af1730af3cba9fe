"""A worker's part of a job on a cluster: its own router and connections, as long as it has prompts, and the books of the one who asked."""

from __future__ import annotations

import asyncio
import concurrent.futures as cf
from collections.abc import Mapping
from typing import Any, Final

from distributed import Worker, WorkerPlugin, get_worker, secede

from routebook.books.books import Books
from routebook.books.bulk import Kept
from routebook.books.connect import MEMORY
from routebook.bulk.desk import Carried, parts
from routebook.bulk.purse import Purse
from routebook.bulk.remote import RemoteBooks, Wire
from routebook.bulk.run import ask_all
from routebook.config.read import Loaded
from routebook.config.values import Config
from routebook.engine.loop import Job, engine_loop
from routebook.engine.router import Router
from routebook.errors import RoutebookError
from routebook.messages import Value

UNDER_WAY: Final[dict[tuple[str, str], Job[None]]] = {}
"""What is asked on the workers of this process, by the job's token and the worker's address."""


class Part(Value, frozen=True, kw_only=True):
    """What a worker must know. It is sent to workers, so no key is in it: each finds keys in its own environment."""

    token: str
    desk: str
    """The address of the worker that has the actor of the books, whose key is `key`."""
    key: str
    job: bytes
    config: Config
    overrides: Mapping[str, Any]
    concurrency: int
    """Requests under way at most, on each worker."""


class _WorkerRouter(Router):
    """A router with the books of another process."""

    def __init__(self, part: Part, wire: Wire) -> None:
        super().__init__(Loaded(config=part.config, file=None, books=MEMORY))
        self._wire = wire

    def _open_books(self) -> Books:
        return RemoteBooks(self._wire, config=self.config)


class _DeskLine:
    """The prompts that the desk gives out; so many are held here that nobody waits for the next."""

    def __init__(self, wire: Wire, *, ahead: int) -> None:
        self._wire, self._ahead = wire, ahead
        self._waiting: list[str] = []
        self._taking: asyncio.Task[list[str]] | None = None
        self._is_empty = False

    async def next(self) -> str | None:
        """See `Line.next`."""
        while not self._waiting and not self._is_empty:
            await self._take()
        if self._waiting and len(self._waiting) <= self._ahead // 2 and not self._is_empty and self._taking is None:
            self._taking = asyncio.ensure_future(self._wire.ask("take", self._ahead))
        return self._waiting.pop() if self._waiting else None

    async def _take(self) -> None:
        """Wait for more; one asks for all who wait."""
        if self._taking is None:
            self._taking = asyncio.ensure_future(self._wire.ask("take", self._ahead))
        taking = self._taking
        prompts = await asyncio.shield(taking)
        if self._taking is taking:
            self._taking = None
            self._waiting += prompts[::-1]
            self._is_empty = not prompts

    def again(self, prompt: str) -> None:
        """See `Line.again`."""
        self._waiting.append(prompt)

    async def answered(self, prompt: str, kept: Kept, *, is_kept: bool) -> None:  # noqa: ARG002  one signature for all lines
        """See `Line.answered`. What was kept with its row the desk knows already."""
        if not is_kept:
            await self._wire.ask("keep", kept)

    async def failed(self, prompt: str, said: str) -> None:
        """See `Line.failed`."""
        await self._wire.ask("fail", prompt, said)


class _Leaving(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
    """Ends a job's part on a worker: when the worker closes, or when the one who asked wants no more."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def teardown(self, worker: Worker) -> None:
        """See `WorkerPlugin.teardown`: what is under way is stopped, told to the desk and closed, before the worker goes."""
        await _end(self._token, worker)


def work(part: Part) -> Carried:
    """Ask the prompts that the desk gives out, until it has none for now. Nothing of it is left on the worker.

    Returns:
        How that went; an error where it could not be done, `BooksError` when the one who asked is gone.
    """
    worker, name = get_worker(), _name(part.token)
    secede()  # it waits for servers: others may use the worker's thread meanwhile
    wire = Wire(worker, desk=part.desk, key=part.key)
    router = _WorkerRouter(part, wire)
    asking = engine_loop().start(_ask(router, wire, part), on_end=lambda: None)
    UNDER_WAY[part.token, str(worker.address)] = asking
    worker.loop.add_callback(worker.plugin_add, _Leaving(part.token), name)
    try:
        asking.result()
    except cf.CancelledError:  # by `_Leaving`
        return True, None
    except RoutebookError as error:
        return False, parts(error)
    finally:
        del UNDER_WAY[part.token, str(worker.address)]
        worker.loop.add_callback(leave, part.token, worker)
    return True, None


async def leave(token: str, dask_worker: Worker) -> None:
    """End a job's part on a worker, if it has one; it may have begun this very moment, before its plugin is there."""
    await _end(token, dask_worker)
    if _name(token) in dask_worker.plugins:
        await dask_worker.plugin_remove(_name(token))


async def _end(token: str, worker: Worker) -> None:
    job = UNDER_WAY.get((token, worker.address))
    if job is not None:
        await asyncio.to_thread(job.end)


def _name(token: str) -> str:
    return f"routebook-{token}"


async def _ask(router: Router, wire: Wire, part: Part) -> None:
    line = _DeskLine(wire, ahead=part.concurrency)
    async with router:
        await ask_all(router, line, job=part.job, purse=Purse(None), concurrency=part.concurrency, overrides=part.overrides)
