"""The one place from which requests are sent: addresses, headers, the wall, proxies, and what sockets say when they fail.

One httpx client for each provider, and one more behind the wall. Nothing is redirected, because a redirection would carry the key along; no
timer runs but that of the connection, because the engine watches an attempt's times itself.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import socket
import ssl
import urllib.parse
from collections.abc import AsyncGenerator, Mapping
from typing import Final, cast

import certifi
import httpcore
import httpx
import msgspec

from routebook.backends.network import is_local_name, is_loopback
from routebook.backends.proxies import proxy_for, through
from routebook.backends.translate import Translator
from routebook.backends.transport import MAX_CONNECTIONS, Transport
from routebook.errors import ProviderError, StreamBroken, TimedOut, Unavailable, UsageError

MAX_BODY_BYTES: Final = 16 << 20
_CONNECT: Final = "connect"
_MAX_ERROR_BYTES: Final = 1 << 18
_FAILURES: Final = (OSError, httpcore.NetworkError, httpcore.ProtocolError, httpx.TransportError)
_encode = msgspec.json.Encoder().encode


class Http:
    """Sends requests to one provider. Bound to the event loop it is first used on."""

    def __init__(self, base_url: str, *, headers: Mapping[str, str], errors: Translator, hint: str = "") -> None:
        """`base_url` may end in a path and a query, which every request gets; `hint` says what to do when nothing answers there."""
        parts = _address(base_url, provider=errors.provider)
        host = (parts.hostname or "").encode("idna").decode()
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._origin = httpcore.Origin(parts.scheme.encode(), host.encode(), self._port)
        self._path, self._query = parts.path.rstrip("/"), parts.query
        self._url = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{self._port}"
        self._headers = _header_list(host, parts=parts, headers=headers)
        self._open: httpx.AsyncClient | None = None
        self._walled: httpx.AsyncClient | None = None
        self.errors, self.host, self._hint = errors, host, hint

    def __repr__(self) -> str:
        return f"Http({self.errors.provider!r}, {self.host}:{self._port})"

    async def send(self, path: str, *, body: object = None, local: bool, connect_s: float) -> Reply:
        """Send `body` as JSON with POST, or GET without one, and return the response once its head is there.

        Raises:
            ProviderError: the address cannot be reached, or the status says that the call failed.
            LocalOnlyViolation: `local` is true and the address is not this machine; nothing was sent.
        """
        reply = await self.exchange(
            "GET" if body is None else "POST", path, content=_encode(body) if body is not None else b"", local=local, connect_s=connect_s
        )
        if 200 <= reply.status < 300:  # noqa: PLR2004 - HTTP's range of success
            return reply
        raise await reply.failure()

    async def exchange(self, method: str, path: str, *, content: bytes, local: bool, connect_s: float) -> Reply:
        """As `send`, for a body that is encoded already, and whatever the status says."""
        request = httpx.Request(
            method, self._url + self._target(path), headers=self._headers, content=content, extensions={"timeout": {"connect": connect_s}}
        )
        try:
            return Reply(await self._client(local=local).send(request, stream=True), errors=self.errors)
        except (TimeoutError, httpx.ConnectTimeout) as error:
            raise TimedOut(_CONNECT, limit_s=connect_s, provider=self.errors.provider) from error
        except _FAILURES as error:
            raise self._unreachable(error) from error

    async def aclose(self) -> None:
        """Close all connections."""
        for client in (self._open, self._walled):
            if client is not None:
                await client.aclose()
        self._open = self._walled = None

    def _client(self, *, local: bool) -> httpx.AsyncClient:
        """Return the client to use: with the wall up for the addresses of this machine, whether asked for or not."""
        if local or self.host == "localhost" or is_loopback(self.host):
            self._walled = self._walled or _client_over(self._transport(local_only=True))
            return self._walled
        if self._open is None:
            proxy = None if is_local_name(self.host) else proxy_for(self._origin.scheme.decode(), self.host, self._port)
            limits = httpx.Limits(max_connections=MAX_CONNECTIONS)
            self._open = _client_over(through(proxy, tls=_tls(), limits=limits) if proxy else self._transport(local_only=False))
        return self._open

    def _transport(self, *, local_only: bool) -> Transport:
        return Transport(self._origin, local_only=local_only, tls=_tls() if self._origin.scheme == b"https" else None)

    def _target(self, path: str) -> str:
        query = "&".join(filter(None, (path.partition("?")[2], self._query)))
        quoted = urllib.parse.quote(self._path + path.partition("?")[0], safe="/:@!$&'()*+,;=~%")
        return f"{quoted}?{query}" if query else quoted

    def _unreachable(self, error: Exception) -> Unavailable:
        why = _why(error).rstrip(".")
        hint = self._hint or "Check base_url of the provider, and that its server runs."
        if isinstance(error, ssl.SSLCertVerificationError):
            hint = "Its certificate is not trusted here; SSL_CERT_FILE names a file with more of them."
        elif isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            hint = "Lower max_concurrent of the provider, or allow more open files (ulimit -n)."
        return Unavailable(f"{self.host}:{self._port} does not answer: {self.errors.text(why)}.", provider=self.errors.provider, hint=hint)


class Reply:
    """A response whose body is still to be read; close it in any case."""

    __slots__ = ("_errors", "_response", "headers", "status")

    def __init__(self, response: httpx.Response, *, errors: Translator) -> None:
        """Made by `Http`."""
        self._response, self._errors = response, errors
        self.status = response.status_code
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}

    @property
    def content_type(self) -> str:
        """The media type, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body as it comes. Raises `StreamBroken` when the connection breaks."""
        try:
            async with contextlib.aclosing(cast("AsyncGenerator[bytes]", self._response.aiter_raw())) as chunks:
                async for chunk in chunks:
                    yield chunk
        except _FAILURES as error:
            raise self._errors.broken(f"the connection broke: {error}.") from error

    async def read(self, *, max_bytes: int = MAX_BODY_BYTES) -> bytes:
        """Return the whole body. Raises `StreamBroken` when it is larger than `max_bytes` or the connection breaks."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > max_bytes:
                raise self._errors.broken(f"the answer is larger than {max_bytes} bytes.")
        return bytes(body)

    async def failure(self) -> ProviderError:
        """Read a response that failed, close it, and return its error."""
        try:
            body = await self.read(max_bytes=_MAX_ERROR_BYTES)
        except StreamBroken:
            body = b""
        finally:
            await self.aclose()
        return self._errors.response(self.status, headers=self.headers, body=body)

    async def aclose(self) -> None:
        """Give the connection back when the body was read to its end, else close it."""
        await self._response.aclose()


def _client_over(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    # each request brings its own time to connect
    return httpx.AsyncClient(transport=transport, timeout=None, trust_env=False, follow_redirects=False)  # noqa: S113


def _address(base_url: str, *, provider: str) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(base_url)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and parts.username is None
    except ValueError:
        is_right = False
    if not is_right:
        raise UsageError(
            f"base_url of provider {provider!r} is not an address. Write it as http://host:port/path, without a user or a password."
        )
    return parts


def _why(error: Exception) -> str:
    """Say what a socket says: the system's words for its number, because asyncio's name the address once more."""
    if isinstance(error, OSError) and not isinstance(error, (ssl.SSLError, socket.gaierror)) and error.errno:
        return os.strerror(error.errno)
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _header_list(host: str, *, parts: urllib.parse.SplitResult, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    name = f"[{host}]" if ":" in host else host
    common = {
        "Host": name if parts.port is None else f"{name}:{parts.port}",
        "User-Agent": "routebook",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
    }
    taken = {name.lower() for name in headers}
    kept = {name: value for name, value in common.items() if name.lower() not in taken}
    return [(name.encode("latin-1"), value.encode("utf-8")) for name, value in {**kept, **headers}.items()]


@functools.cache
def _tls() -> ssl.SSLContext:
    """Trust what the system trusts, and what certifi lists where a system has no list (Python's own build for the Mac)."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context
