"""A worker's part of a job on a cluster: its own router and connections, and the books of the one who asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Final

from routebook.books.books import Books
from routebook.books.bulk import Kept
from routebook.books.claims import Admitted, Claim, Heard, Scope, Wait
from routebook.books.connect import MEMORY
from routebook.bulk.desk import value
from routebook.bulk.purse import Purse
from routebook.bulk.run import ask_all
from routebook.config.read import Loaded
from routebook.config.values import Config
from routebook.engine.loop import engine_loop
from routebook.engine.router import Router
from routebook.engine.runtime import caps_of
from routebook.messages import Attempt, Value

_CALLS: Final = 64
"""Threads on which a worker waits for the desk."""


class Job(Value, frozen=True, kw_only=True):
    """What a worker must know. It is sent to workers, so no key is in it: each finds keys in its own environment."""

    token: str
    config: Config
    overrides: Mapping[str, Any]
    concurrency: int
    """Requests under way at most, on each worker."""


class RemoteBooks(Books):
    """Books whose limits, caps and rows are those of the one who asked; what is only of this process stays in memory."""

    def __init__(self, desk: Any, worker: str, *, config: Config) -> None:  # noqa: ANN401  a Dask actor
        """`desk` is the actor, `worker` this worker's address."""
        super().__init__(MEMORY, budgets=caps_of(config))
        self._desk, self._worker = desk, worker
        self._threads = ThreadPoolExecutor(_CALLS, thread_name_prefix="routebook-desk")

    async def _ask(self, what: str, *words: Any) -> Any:  # noqa: ANN401
        loop = asyncio.get_running_loop()
        return value(await loop.run_in_executor(self._threads, lambda: getattr(self._desk, what)(self._worker, *words).result()))

    async def admit(self, attempt: Attempt, *, need_usd: Decimal | None, claim: Claim | None = None) -> Admitted | Wait:
        """At the desk."""
        asked = asyncio.ensure_future(self._ask("admit", attempt, need_usd, claim))
        try:
            found: Admitted | Wait = await asyncio.shield(asked)
        except asyncio.CancelledError:  # it may have been let in; nothing was sent
            found = await asked
            if isinstance(found, Admitted):
                await self._ask("finish", found.row, attempt, claim, None)
            raise
        return found

    async def finish(self, row: int, attempt: Attempt, *, claim: Claim | None = None, heard: Heard | None = None) -> tuple[str, ...]:
        """At the desk."""
        said: tuple[str, ...] = await self._ask("finish", row, attempt, claim, heard)
        return said

    async def note(self, attempt: Attempt) -> tuple[str, ...]:
        """At the desk."""
        said: tuple[str, ...] = await self._ask("note", attempt)
        return said

    def parked(self, models: Mapping[str, tuple[Scope, ...]]) -> dict[str, Wait]:
        """At the desk."""
        found: dict[str, Wait] = value(self._desk.parked(self._worker, models).result())
        return found

    def renew(self) -> None:
        """At the desk."""
        self._desk.tell(self._worker, "renew")

    def passed(self, row: int) -> None:
        """At the desk."""
        self._desk.tell(self._worker, "passed", row)

    def cool(self, scope: str, seconds: float, *, reason: str) -> None:
        """At the desk."""
        self._desk.tell(self._worker, "cool", scope, seconds, reason=reason)

    def give_up(self, claim: Claim) -> None:
        """At the desk."""
        self._desk.tell(self._worker, "give_up", claim)

    async def keep(self, kept: Kept) -> None:
        """Write an answer of the job down."""
        await self._ask("keep", kept)


class _WorkerRouter(Router):
    """A router with the books of another process."""

    def __init__(self, loaded: Loaded, desk: Any, worker: str) -> None:  # noqa: ANN401  a Dask actor
        super().__init__(loaded)
        self.remote = RemoteBooks(desk, worker, config=loaded.config)

    def _open_books(self) -> Books:
        return self.remote


_ROUTERS: Final[dict[str, _WorkerRouter]] = {}
"""By the job's token: its tasks on this worker share connections and queues."""


def work(desk: Any, job: Job, prompts: Sequence[str]) -> tuple[dict[str, str], bool]:  # noqa: ANN401  a Dask actor
    """Ask what has no answer yet; answers go to the desk as they come.

    Returns:
        What went wrong, by prompt, and whether the budget is spent.
    """
    from distributed import get_worker

    worker = str(get_worker().address)
    router = _ROUTERS.get(job.token)
    if router is None:
        loaded = Loaded(config=job.config, file=None, books=MEMORY)
        router = _ROUTERS[job.token] = _WorkerRouter(loaded, desk, worker)
    left = desk.missing(worker, list(prompts)).result()
    purse = Purse(None)
    asked = engine_loop().run_sync(
        ask_all(router, left, keep=router.remote.keep, purse=purse, concurrency=job.concurrency, tell=_quiet, overrides=job.overrides)
    )
    return asked.failures, purse.is_spent


def _quiet() -> None:
    """Nobody watches here; the one who asked counts finished tasks."""
