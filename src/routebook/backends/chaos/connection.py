"""One client's connection to the scripted server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from routebook.backends.chaos.http1 import BadHttp, HttpRequest, RequestReader, head
from routebook.backends.chaos.seen import Seen

Serve = Callable[[HttpRequest, "Connection"], Awaitable[None]]


class Connection(asyncio.Protocol):
    """Takes one request after the other and lets the server answer each in a task, which ends when the client leaves."""

    def __init__(self, peers: set[Connection], *, seen: Seen, serve: Serve) -> None:
        """`peers` are the open connections of the server."""
        self._peers, self._seen, self._serve = peers, seen, serve
        self._reader = RequestReader()
        self._early = b""
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_server gives no other
        self._transport = transport
        self._peers.add(self)
        self._seen.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's interface
        """Stop answering."""
        self._peers.discard(self)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Take a request; what comes during an answer waits."""
        self._seen.bytes_in += len(data)
        if self._task is not None:
            self._early += data
            return
        try:
            request = self._reader.feed(data)
        except BadHttp as error:
            self.respond(400, {"content-type": "text/plain"}, f"{error}\n".encode())
            self._transport.close()
            return
        if request is not None:
            self._task = asyncio.get_running_loop().create_task(self._answer(request))

    async def _answer(self, request: HttpRequest) -> None:
        await self._serve(request, self)
        self._task = None
        early, self._early = self._early, b""
        if not self._transport.is_closing():
            self.data_received(early)

    def respond(self, status: int, headers: dict[str, str], body: bytes, *, length: int | None = None) -> None:
        """See `Out.respond`."""
        self.write(head(status, headers, length=len(body) if length is None else length) + body)

    def start(self, headers: dict[str, str]) -> None:
        """See `Out.start`."""
        self.write(head(200, headers, length=None))

    def write(self, data: bytes) -> None:
        """See `Out.write`."""
        self._seen.bytes_out += len(data)
        self._transport.write(data)

    def abort(self) -> None:
        """See `Out.abort`."""
        self._transport.abort()
