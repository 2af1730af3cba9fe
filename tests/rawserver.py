"""A server that sends exactly the bytes a test gives it, and keeps what it was sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any


class RawServer:
    """Answers each request with the next of its responses; the last one stays."""

    def __init__(self, responses: Sequence[bytes | Sequence[bytes]]) -> None:
        """A response given in pieces is sent piece by piece."""
        self._responses = [[one] if isinstance(one, bytes) else list(one) for one in responses]
        self.requests: list[bytes] = []
        self.n_connections = 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.n_connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
                self.requests.append(head + await reader.readexactly(length))
                for piece in self._responses.pop(0) if len(self._responses) > 1 else self._responses[0]:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.001)
                if b"connection: close" in self.responses_head.lower():
                    break
        writer.close()

    @property
    def responses_head(self) -> bytes:
        """The head of the response that stays."""
        return b"".join(self._responses[0]).partition(b"\r\n\r\n")[0]


Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(handle: Handle, **options: Any) -> AsyncIterator[int]:  # noqa: ANN401  of asyncio.start_server
    """Listen on a port for the length of a block, and leave no connection behind."""
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            await handle(reader, writer)

    server = await asyncio.start_server(tracked, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def raw(*responses: bytes | Sequence[bytes]) -> AsyncIterator[RawServer]:
    """Run one for the length of a block."""
    server = RawServer(responses)
    async with listening(server.handle) as port:
        server.url = f"http://127.0.0.1:{port}"
        yield server


def response(body: bytes, *, status: int = 200, content_type: str = "application/json", headers: str = "") -> bytes:
    """A whole response."""
    return f"HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body


def events(*data: bytes | str) -> bytes:
    """An event stream with these data, ended by closing the connection."""
    body = b"".join(b"data: " + (one.encode() if isinstance(one, str) else one) + b"\n\n" for one in data)
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + body
