"""A server that speaks MCP, through the official client: started when first needed, started again after it died, ended with the router.

Each lives on an event loop of its own thread: the client reads a server's whole answer before it hands it on, and megabytes of it would hold up
everything else on the engine's loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures as cf
import contextlib
import logging
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from routebook.backends.network import is_local_name
from routebook.config.keys import Secret
from routebook.config.tool_entry import ToolEntry
from routebook.engine.toolbox.failure import ToolFailed
from routebook.errors import SetupNeeded

if TYPE_CHECKING:  # it loads with the first server
    from mcp import Client
    from mcp.types import CallToolResult, Tool

T = TypeVar("T")

_MOST_PAGES: Final = 20
_GOODBYE_S: Final = 8.0
"""A server may end by itself for two seconds, then it is told to, then it is killed."""
_LAST_WORDS: Final = 300
_TIME_S: Final = 86_400.0
"""The client's own times: ours are shorter."""


class Server:
    """One entry of `[tools]` that is a server. Used on the engine's loop."""

    def __init__(self, name: str, entry: ToolEntry, *, key: Secret | None) -> None:
        """Nothing is started yet."""
        self.name, self._entry, self._key = name, entry, key
        self._open: _Connection | None = None
        self._starting = asyncio.Lock()

    async def tools(self) -> list[Tool]:
        """The tools that it has. Raises `ToolFailed`, and `SetupNeeded` without the package `mcp`."""
        return await self._with(_list)

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool. Raises `ToolFailed`; whoever is cancelled ends the server too, because it may hang."""

        async def ask(client: Client) -> CallToolResult:
            return await client.call_tool(tool, arguments)

        return await self._with(ask)

    async def start(self) -> None:
        """Start it unless it runs; a server that is slow to start has taken nothing of a call's time then. Raises as `tools` does."""

        async def ready(_client: Client) -> None:
            """It is there."""

        await self._with(ready)

    async def aclose(self) -> None:
        """End it."""
        connection, self._open = self._open, None
        if connection is not None:
            connection.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    await asyncio.shield(asyncio.wrap_future(connection.over))

    async def _with(self, ask: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
        """Ask something of a server that runs; one that does not answer well is not kept."""
        async with self._starting:
            if self._open is None or self._open.over.done():
                self._open = _Connection(self._entry, key=self._key)
            connection = self._open
        try:
            client = await asyncio.shield(asyncio.wrap_future(connection.ready))
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(ask(client), connection.loop))
        except SetupNeeded:
            raise
        except asyncio.CancelledError:
            self._drop(connection)
            raise
        except Exception as error:  # whatever the client, a transport or the server says
            raise self._failed(error, connection) from error

    def _failed(self, error: Exception, connection: _Connection) -> ToolFailed:
        """What went wrong, in words; an error that a living server states says nothing about the server."""
        from mcp import MCPError

        first = _innermost(error)
        said = str(first).strip() or type(first).__name__
        if isinstance(first, MCPError) and not _is_closed(first):
            return ToolFailed(f"the server of {self.name} says: {said}")
        self._drop(connection)
        words = connection.last_words
        return ToolFailed(f"the server of {self.name} does not answer ({said}){f'; its last words: {words}' if words else ''}")

    def _drop(self, connection: _Connection) -> None:
        connection.close()
        if self._open is connection:
            self._open = None


class _Connection:
    """A connection to a server that runs, and the thread it lives on."""

    def __init__(self, entry: ToolEntry, *, key: Secret | None) -> None:
        self._entry, self._key = entry, key
        self.ready: cf.Future[Client] = cf.Future()
        self.over: cf.Future[None] = cf.Future()
        self.loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._words: IO[str] = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115  closed when the thread ends
        self.last_words = ""
        threading.Thread(target=self._live, name="routebook-mcp", daemon=True).start()

    def close(self) -> None:
        """End it soon; from any thread."""
        self._listen()
        with contextlib.suppress(RuntimeError):  # it has ended
            self.loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self._closing.set()
        if self._task is not None and not self.ready.done():
            self._task.cancel()  # it may never be ready

    def _live(self) -> None:
        with contextlib.closing(self.loop), self._words:
            try:
                self.loop.run_until_complete(self._serve())
            except BaseException as error:  # noqa: BLE001  whoever waits for it is told
                self._listen()
                if not self.ready.done():
                    self.ready.set_exception(error if isinstance(error, Exception) else RuntimeError(type(error).__name__))
            finally:
                self.over.set_result(None)

    async def _serve(self) -> None:
        self._task = asyncio.current_task()
        try:
            if not self._closing.is_set():
                async with _client(self._entry, key=self._key, words=self._words) as client:
                    self.ready.set_result(client)
                    await self._closing.wait()
        finally:
            if not self.ready.done() and self._closing.is_set():
                self.ready.set_exception(ConnectionError("it was ended before it was ready"))

    def _listen(self) -> None:
        """Read what a server wrote beside its answers."""
        with contextlib.suppress(OSError, ValueError):
            self._words.seek(0)
            self.last_words = " ".join(self._words.read().split())[-_LAST_WORDS:] or self.last_words


@contextlib.asynccontextmanager
async def _client(entry: ToolEntry, *, key: Secret | None, words: IO[str]) -> AsyncIterator[Client]:
    """The official client, connected."""
    try:
        from mcp import Client, StdioServerParameters, stdio_client
        from mcp.client.streamable_http import streamable_http_client
    except ImportError as error:
        raise SetupNeeded('Tools of MCP servers need the package mcp; type: pip install "routebook[mcp]"') from error
    logging.getLogger("mcp").addHandler(logging.NullHandler())  # else its tracebacks come into the cell
    if isinstance(entry.mcp, str):
        async with _http(entry.mcp, key=key) as http, Client(streamable_http_client(entry.mcp, http_client=http)) as client:
            yield client
        return
    command, *args = entry.mcp or ("",)
    env = {entry.key_env: key.reveal()} if entry.key_env and key else None
    parameters = StdioServerParameters(command=command, args=args, env=env, encoding_error_handler="replace")
    async with Client(stdio_client(parameters, errlog=words)) as client:  # type: ignore[arg-type]  # a file of text
        yield client


def _http(url: str, *, key: Secret | None) -> Any:  # noqa: ANN401  the client's own HTTP library
    """Connections with the key; to this machine past any proxy."""
    import httpx2

    headers = {"Authorization": f"Bearer {key.reveal()}"} if key else {}
    is_local = is_local_name(urlsplit(url).hostname or "")
    return httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(_TIME_S, connect=30.0), trust_env=not is_local)


async def _list(client: Client) -> list[Tool]:
    found: list[Tool] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return found


def _innermost(error: BaseException) -> BaseException:
    """What groups of errors hold: the first that says something."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _is_closed(error: Any) -> bool:  # noqa: ANN401  the client's own
    from mcp.types import CONNECTION_CLOSED

    return bool(error.error.code == CONNECTION_CLOSED)
