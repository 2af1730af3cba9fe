"""httpx's transport for one address: connections kept open between calls, and the wall where they are opened.

httpx's own transport keeps its connections in a pool that looks at every one of them at each start and end of a call, which at fifty calls
at once costs more than all the rest (`benchmarks/overhead.py`). This one is as plain as one address allows: the connection that was used
last is used next, and closed ones are found when their turn comes. httpcore, httpx's engine, speaks HTTP/1.1 over them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Final

import httpcore
import httpx

from routebook.backends.chunked import Chunks
from routebook.backends.network import Stream, connect

MAX_CONNECTIONS: Final = 500
_MAX_OPENING: Final = 64
"""Connections that are opened at the same time: of five hundred at once each would wait for all the others, and its time to connect with it."""
_STOOD_STILL_S: Final = 0.1
"""A time that runs out so late was kept waiting by the loop itself, and says nothing of the server."""
_READ_BYTES: Final = 1 << 16
_WITHOUT_BODY: Final = (204, 304)
_KEEP_S: Final = 4.0
"""Many servers close idle connections after 5 s; one that is closed while a request is on its way looks like a failed call."""


class Transport(httpx.AsyncBaseTransport):
    """Sends requests to one origin, each over a connection of its own. Raises what the socket or httpcore says."""

    def __init__(self, origin: httpcore.Origin, *, local_only: bool, tls: ssl.SSLContext | None) -> None:
        """`tls` where the origin's scheme is https; `local_only` puts the wall up."""
        self._origin, self._local_only, self._tls = origin, local_only, tls
        self._idle: list[httpcore.AsyncHTTP11Connection] = []
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)
        self._opening = asyncio.Semaphore(_MAX_OPENING)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response as soon as the head is there.

        Raises:
            TimeoutError: no connection within the request's connect timeout.
            OSError, httpcore.NetworkError, httpcore.ProtocolError: as the socket or httpcore says.
            LocalOnlyViolation: behind the wall.
        """
        sent = httpcore.Request(request.method, self._url(request), headers=request.headers.raw, content=request.stream)
        await self._places.acquire()
        try:
            connection = self._take() or await self._new(request.extensions["timeout"]["connect"])
            response = await connection.handle_async_request(sent)
        except BaseException:  # also a cancellation: the place would be lost for good
            self._places.release()
            raise
        return httpx.Response(response.status, headers=response.headers, stream=_Body(self, connection, response))

    async def aclose(self) -> None:
        """Close the idle ones; those in use close with their call."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.aclose()

    async def give_back(self, connection: httpcore.AsyncHTTP11Connection, response: httpcore.Response) -> None:
        """Take a connection back after its response was closed."""
        self._places.release()
        if not connection.is_idle() or _closes_anyway(response):
            await connection.aclose()
            return
        self._idle.append(connection)
        while self._idle and self._idle[0].has_expired():
            await self._idle.pop(0).aclose()

    def _url(self, request: httpx.Request) -> httpcore.URL:
        return httpcore.URL(scheme=self._origin.scheme, host=self._origin.host, port=self._origin.port, target=request.url.raw_path)

    def _take(self) -> httpcore.AsyncHTTP11Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_available() and not connection.has_expired():
                return connection
        return None

    async def _new(self, connect_s: float) -> httpcore.AsyncHTTP11Connection:
        async with self._opening:
            patience = asyncio.timeout(connect_s)
            try:
                stream = await self._connected(patience)
            except TimeoutError:
                late_s = asyncio.get_running_loop().time() - (patience.when() or 0.0)
                if late_s < _STOOD_STILL_S:
                    raise
                stream = await self._connected(asyncio.timeout(connect_s))
        return httpcore.AsyncHTTP11Connection(self._origin, stream, keepalive_expiry=_KEEP_S)

    async def _connected(self, patience: asyncio.Timeout) -> Stream:
        async with patience:
            return await connect(self._origin.host.decode("ascii"), self._origin.port, local_only=self._local_only, tls=self._tls)


def _closes_anyway(response: httpcore.Response) -> bool:
    """llama.cpp's server closes after a stream although it announces to keep the connection; a moment later it would look like a failed call."""
    headers = {name.lower(): value for name, value in response.headers}
    return headers.get(b"server") == b"llama.cpp" and b"transfer-encoding" in headers


def _is_chunked(response: httpcore.Response) -> bool:
    """A body in chunks; a status that has no body may say so too."""
    return response.status not in _WITHOUT_BODY and any(
        name.lower() == b"transfer-encoding" and value.strip().lower() == b"chunked" for name, value in response.headers
    )


class _Body(httpx.AsyncByteStream):
    """A response's body; closing it gives the connection back when it was read to its end, else closes it."""

    def __init__(self, owner: Transport, connection: httpcore.AsyncHTTP11Connection, response: httpcore.Response) -> None:
        self._owner, self._connection, self._response, self._is_closed = owner, connection, response, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        stream: Stream = self._response.extensions["network_stream"]
        if stream.is_at_body and _is_chunked(self._response):
            chunks = Chunks()
            while chunks.rest is None:
                if data := await stream.read(_READ_BYTES):
                    if piece := chunks.feed(data):
                        yield piece
                else:
                    chunks.stop()
            stream.give_back(chunks.rest)
        async for piece in self._response.stream:  # type: ignore[union-attr] # httpcore types sync and async responses as one
            yield piece

    async def aclose(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            try:
                await self._response.aclose()
            finally:
                await self._owner.give_back(self._connection, self._response)
