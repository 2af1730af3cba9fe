"""A worker's way to the desk of the one who asked: gathered messages, and the books behind them."""

from __future__ import annotations

import asyncio
import concurrent.futures as cf
import contextlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from distributed import Worker
from distributed.protocol import to_serialize

from routebook.books.books import Books
from routebook.books.bulk import WANTED
from routebook.books.claims import Admitted, Claim, Heard, Scope, Wait
from routebook.books.connect import MEMORY
from routebook.bulk.desk import Asking, Carried, value
from routebook.config.values import Config
from routebook.engine.runtime import caps_of
from routebook.errors import BooksError, RoutebookError
from routebook.messages import Attempt, ToolRun

Asked = tuple[Asking, asyncio.Future[Carried]]
_AT_ONCE: Final = 2
"""Messages under way: what comes meanwhile is gathered for the next."""


class Wire:
    """Asks the desk. What is asked while messages are under way goes together in the next: the busier the desk, the fewer they are.

    It speaks to the actor's worker itself. Dask's own handle of an actor blocks a thread for each call, and goes on waiting for an actor that
    is gone, as long as it might be begun again somewhere; ours cannot.
    """

    def __init__(self, worker: Worker, *, desk: str, key: str) -> None:
        """From a worker to the `desk`, the address of the worker that has the actor of this key."""
        self._worker, self._desk, self._key = worker, desk, key
        self._waiting: list[Asked] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._gone: str | None = None
        """Why the desk is not to be reached any more: Dask tries for half a minute, which once is enough."""

    async def ask(self, what: str, *words: Any) -> Any:  # noqa: ANN401
        """Ask, and wait for what is said; on the engine's loop.

        Raises:
            BooksError: the desk is not there any more; or whatever the desk raised.
        """
        said: asyncio.Future[Carried] = asyncio.get_running_loop().create_future()
        self._waiting.append(((what, words), said))
        if len(self._sending) < _AT_ONCE:
            self._sending.add(asyncio.ensure_future(self._send()))
        return value(await said)

    def tell(self, what: str, *words: Any) -> None:  # noqa: ANN401
        """Say something whose answer nobody waits for; on the engine's loop."""
        telling = asyncio.ensure_future(self.ask(what, *words))
        telling.add_done_callback(lambda task: task.cancelled() or task.exception())

    def ask_now(self, what: str, *words: Any) -> Any:  # noqa: ANN401
        """As `ask`, from any other thread, which waits for it."""
        return value(self._call([(what, words)]).result()[0])

    async def _send(self) -> None:
        try:
            await self._send_all()
        finally:  # in the very step that saw nobody waiting: who asks in the next one starts another
            self._sending.discard(asyncio.current_task())

    async def _send_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # what others are about to ask in this moment goes along
            batch, self._waiting = self._waiting, []
            try:
                came = await asyncio.wrap_future(self._call([asking for asking, _ in batch]))
            except asyncio.CancelledError:  # this worker closes, and its loop with it
                _fail([*batch, *self._waiting], BooksError("This worker closes, and does not reach the books any more."))
                raise
            except Exception as error:  # noqa: BLE001  whatever it is belongs to those who asked, who would wait for ever
                _fail(batch, error)
                continue
            for (_, said), one in zip(batch, came, strict=True):
                if not said.done():
                    said.set_result(one)

    def _call(self, asked: list[Asking]) -> cf.Future[list[Carried]]:
        return asyncio.run_coroutine_threadsafe(self._message(asked), self._worker.loop.asyncio_loop)

    async def _message(self, asked: list[Asking]) -> list[Carried]:
        """One message; on the worker's loop."""
        if self._gone is not None:
            raise BooksError(self._gone)
        try:
            said = await self._worker.rpc(self._desk).actor_execute(
                function="ask", actor=self._key, args=[to_serialize(self._worker.address), to_serialize(asked)], kwargs={}
            )
        except (OSError, KeyError) as error:  # its process ended, or its job
            self._gone = f"The process that asked, and has the books, is not to be reached any more ({error})."
            raise BooksError(self._gone) from error
        if said["status"] != "OK":  # what nobody foresaw
            raise said["exception"]
        came: list[Carried] = said["result"]
        return came


def _fail(batch: Sequence[Asked], error: Exception) -> None:
    for _, said in batch:
        if not said.done():
            said.set_exception(error)


class RemoteBooks(Books):
    """Books whose limits, caps and rows are those of the one who asked; what is only of this process stays in memory."""

    is_here: ClassVar[bool] = False  # the memory of this machine is not what the desk counts

    def __init__(self, wire: Wire, *, config: Config) -> None:
        """The wire leads to the desk."""
        super().__init__(MEMORY, budgets=caps_of(config))
        self._wire = wire
        self._behind: set[asyncio.Task[None]] = set()
        """What is still told to the desk of those who left."""

    async def admit(self, attempt: Attempt, *, need_usd: Decimal | None, claim: Claim | None = None) -> Admitted | Wait:
        """At the desk."""
        asked = asyncio.ensure_future(self._wire.ask("admit", attempt, need_usd, claim))
        try:
            found: Admitted | Wait = await asyncio.shield(asked)
        except asyncio.CancelledError:  # it may have been let in; nothing was sent, so it goes out again
            telling = asyncio.ensure_future(self._take_back_if_in(asked, attempt, claim))
            self._behind.add(telling)
            telling.add_done_callback(self._behind.discard)
            raise
        return found

    async def _take_back_if_in(self, asked: asyncio.Future[Admitted | Wait], attempt: Attempt, claim: Claim | None) -> None:
        with contextlib.suppress(RoutebookError):  # it was not let in; or the desk is gone, and frees all that this worker held
            found = await asked
            if isinstance(found, Admitted):
                await self._wire.ask("take_back", found.row, attempt, claim)

    async def finish(
        self, row: int, attempt: Attempt, *, claim: Claim | None = None, heard: Heard | None = None, text: str | None = None
    ) -> tuple[str, ...]:
        """At the desk, which keeps the answer with the row: there is no moment at which this worker's death could part them."""
        wanted = WANTED.get()
        keeping = wanted.keeping(attempt, text) if wanted is not None else None
        try:
            said: tuple[str, ...] = await self._wire.ask("finish", row, attempt, claim, heard, keeping)
        except BooksError as error:
            return (f"{error} This attempt is not in the books.",)
        if wanted is not None and keeping is not None:
            wanted.kept = keeping.kept
        return said

    async def note(self, attempt: Attempt) -> tuple[str, ...]:
        """At the desk."""
        try:
            said: tuple[str, ...] = await self._wire.ask("note", attempt)
        except BooksError as error:
            return (f"{error} This attempt is not in the books.",)
        return said

    async def ran(self, request_id: str, run: ToolRun) -> None:
        """At the desk."""
        await self._wire.ask("ran", request_id, run)

    def parked(self, models: Mapping[str, tuple[Scope, ...]]) -> dict[str, Wait]:
        """At the desk."""
        found: dict[str, Wait] = self._wire.ask_now("parked", models)
        return found

    def renew(self) -> None:
        """At the desk."""
        self._wire.tell("tell", "renew")

    def passed(self, row: int) -> None:
        """At the desk."""
        self._wire.tell("tell", "passed", row)

    def cool(self, scope: str, seconds: float, *, reason: str) -> None:
        """At the desk."""
        self._wire.tell("cool", scope, seconds, reason)

    def give_up(self, claim: Claim) -> None:
        """At the desk."""
        self._wire.tell("tell", "give_up", claim)

    async def aclose(self) -> None:
        """When all is told."""
        if self._behind:
            await asyncio.wait(self._behind)
        await super().aclose()
