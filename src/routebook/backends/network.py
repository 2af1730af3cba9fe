"""Where sockets are opened: one function, and the wall inside of it.

Behind the wall only addresses of this machine are connected to. That is checked here, on the addresses themselves, so it holds whatever a
plan, a base_url, a redirection or a hosts file says. Names other than `localhost` are refused without being looked up, because the
question alone would leave the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import socket
import ssl
from typing import Any, ClassVar, Final

import httpcore

from routebook.errors import LocalOnlyViolation

_HIGH_WATER_BYTES: Final = 1 << 18
_PROMPT_PIECES: Final = 16
"""So many pieces of a body are read the moment they come; from then on a stream is read in step."""
_BEAT_S: Final = 0.05
"""All streams that flow are read at the same moments, so many seconds apart: a token alone costs the loop more than all that is done with it."""
_FEW: Final = 1
"""Where more streams than this flow, every second moment does for the others: nobody reads two answers at once."""
_HEAD_END: Final = re.compile(rb"\n\r?\n")
_INTERIM: Final = re.compile(rb"HTTP/1\.\d 1")
"""How a response begins that only says that another one comes."""


async def connect(host: str, port: int, *, local_only: bool, tls: ssl.SSLContext | None = None) -> Stream:
    """Open a connection and return it as a stream that httpcore can use. Waits without a limit: the caller has one.

    Raises:
        LocalOnlyViolation: behind the wall, and the address is not this machine; nothing was sent.
        OSError: not reachable, unknown host, or a TLS failure.
    """
    *others, last = await _loopback_addresses(host, port) if local_only else [host]
    for address in others:  # localhost is often both ::1 and 127.0.0.1, and a server listens on one of them
        with contextlib.suppress(OSError):
            return await _open(address, port, tls=tls, server_hostname=host, local_only=local_only)
    return await _open(last, port, tls=tls, server_hostname=host, local_only=local_only)


async def _open(address: str, port: int, *, tls: ssl.SSLContext | None, server_hostname: str, local_only: bool) -> Stream:
    loop = asyncio.get_running_loop()
    name = server_hostname if tls else None
    race_s = None if local_only else 0.25  # only names have addresses to race; a race that is cancelled may forget a socket
    _, stream = await loop.create_connection(Stream, address, port, ssl=tls, server_hostname=name, happy_eyeballs_delay=race_s)
    peer = stream.get_extra_info("server_addr")
    if local_only and not is_loopback(peer[0]):
        await stream.aclose()
        raise LocalOnlyViolation(_refusal(server_hostname, f"led to {peer[0]}"))
    return stream


def is_loopback(address: str) -> bool:
    """Say whether an IP address, in text, is this machine's own loopback."""
    try:
        ip = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return ip.is_loopback or (isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None and ip.ipv4_mapped.is_loopback)


def is_local_name(host: str) -> bool:
    """Say whether a host is named by a loopback address, or by a name that stands for one (RFC 6761)."""
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost") or is_loopback(host)


async def _loopback_addresses(host: str, port: int) -> list[str]:
    """Return the addresses to connect to behind the wall."""
    if is_loopback(host):
        return [host.strip("[]")]
    if not is_local_name(host):
        raise LocalOnlyViolation(_refusal(host, "is not this machine"))
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    outside = [address for address in addresses if not is_loopback(address)]
    if outside:
        raise LocalOnlyViolation(_refusal(host, f"resolves to {outside[0]}"))
    return addresses


def _refusal(host: str, what: str) -> str:
    return (
        f"This prompt must not leave the machine, and {host!r} {what}; nothing was sent. "
        "Behind the wall only localhost, 127.0.0.0/8 and [::1] are reachable: choose a model there, or drop --local."
    )


class Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection, as httpcore reads and writes it. The engine watches the time, so that no read needs a timer of its own."""

    _resting: ClassVar = 0
    """Of all streams, so many are read at a coming beat."""

    def __init__(self) -> None:
        """Used by the event loop as a protocol."""
        self._chunks: list[bytes] = []
        self._size_bytes = 0
        self._is_at_end = False
        self._error: Exception | None = None
        self._head: bytes | None = None
        """What was read of a response's head; `None` behind it."""
        self._reading: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._pieces = 0
        """Read of the body at hand."""
        self._is_resting = False
        """Nothing is read until the next beat."""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_connection gives no other
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Keep what came, and stop the sender when nobody reads."""
        self._chunks.append(data)
        self._size_bytes += len(data)
        if self._size_bytes > _HIGH_WATER_BYTES:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """The other side is done; let the transport close."""
        self._is_at_end = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits."""
        self._is_at_end, self._error = True, exc
        self._go_on()
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The socket is full."""
        self._drained = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """The socket takes more."""
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    def _wake(self) -> None:
        if self._reading is not None and not self._reading.done():
            self._reading.set_result(None)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109 - httpcore's interface
        """Return what came, all at once; nothing at the end. Raises `httpcore.ReadError` when the connection broke."""
        while not self._chunks:
            if self._error is not None:
                raise httpcore.ReadError(str(self._error)) from self._error
            if self._is_at_end:
                return b""
            self._reading = asyncio.get_running_loop().create_future()
            try:
                await self._reading
            finally:
                self._reading = None
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if self._size_bytes > _HIGH_WATER_BYTES:
            self._transport.resume_reading()
        elif self._head is None:
            self._rest()
        self._size_bytes = 0
        return data if self._head is None else self._of_head(data)

    def _rest(self) -> None:
        """Let what comes gather in the socket until the next beat, once the body flows."""
        self._pieces += 1
        if self._pieces > _PROMPT_PIECES and not self._is_resting:
            self._is_resting = True
            Stream._resting += 1
            self._transport.pause_reading()
            loop, beat_s = asyncio.get_running_loop(), _BEAT_S if Stream._resting <= _FEW else 2 * _BEAT_S
            loop.call_at((loop.time() // beat_s + 1) * beat_s, self._go_on)

    def _go_on(self) -> None:
        if self._is_resting:
            self._is_resting = False
            Stream._resting -= 1
            self._transport.resume_reading()

    @property
    def is_at_body(self) -> bool:
        """Whether the head was read, and nothing behind it."""
        return self._head is None

    def give_back(self, data: bytes) -> None:
        """Let the next read return this first."""
        if data:
            self._chunks.insert(0, data)
            self._size_bytes += len(data)

    def _of_head(self, data: bytes) -> bytes:
        """The part of it that belongs to the response's head: who reads the body may be another one than who reads the head."""
        head = (self._head or b"") + data
        found = _HEAD_END.search(head)
        if found is None:
            self._head = head
            return data
        behind = len(head) - found.end()
        self._head = b"" if _INTERIM.match(head) else None
        self.give_back(data[len(data) - behind :])
        return data[: len(data) - behind]

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - httpcore's interface
        """Send. Raises `httpcore.WriteError` when the connection is gone."""
        if self._transport.is_closing():
            msg = "the connection is closed"
            raise httpcore.WriteError(msg)
        if buffer:
            self._head, self._pieces = b"", 0
            self._go_on()
            self._transport.write(buffer)
        if self._drained is not None:
            await self._drained

    async def aclose(self) -> None:
        """Close at once: what is not sent yet is not wanted any more, and a TLS farewell could take its time."""
        self._transport.abort()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's interface
        """Answer what httpcore and the wall ask: `is_readable`, `server_addr`, `ssl_object`, `socket`."""
        if info == "is_readable":
            return bool(self._chunks) or self._is_at_end
        return self._transport.get_extra_info({"server_addr": "peername"}.get(info, info))
