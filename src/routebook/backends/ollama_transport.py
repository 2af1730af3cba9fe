"""The official Ollama client's way to the network: an httpx transport over our own connections."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import httpx
import msgspec

from routebook.backends.http import Http, Reply
from routebook.backends.sse import MAX_EVENT_BYTES
from routebook.backends.unreadable import UNREADABLE
from routebook.errors import BadRequest, ProviderError

_TYPES: Final = ("application/x-ndjson", "application/json", "")


class OllamaTransport(httpx.AsyncBaseTransport):
    """Carries one call; raises our errors, which the client lets through."""

    def __init__(self, http: Http, *, local: bool, connect_s: float, extra: Mapping[str, Any] | None = None) -> None:
        """`local` puts the wall up; `extra` goes into every body, for what the client would not let through as it is."""
        self._http, self._local, self._connect_s, self._extra = http, local, connect_s, dict(extra or {})

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request without the client's own headers. Raises `ProviderError` for a status that says that the call failed."""
        body = msgspec.json.decode(await request.aread())
        reply = await self._http.exchange(
            request.method, request.url.path, content=_untruncated(body | self._extra), local=self._local, connect_s=self._connect_s
        )
        if not 200 <= reply.status < 300:  # noqa: PLR2004 - HTTP's range of success
            raise _named(await reply.failure(), str(body.get("model") or ""))
        if body.get("stream") and reply.content_type in _TYPES:
            return httpx.Response(reply.status, stream=_Lines(reply, http=self._http))
        async with contextlib.aclosing(reply):
            return httpx.Response(reply.status, content=await self._whole(reply))

    async def _whole(self, reply: Reply) -> bytes:
        """Read an answer in one piece, which the client would take for malformed when it says an error or nothing at all."""
        errors = self._http.errors
        if reply.content_type not in _TYPES:
            raise errors.broken(
                f"the answer is {reply.content_type}, not JSON.", hint="Check base_url: it is not Ollama that answers there."
            )
        content = await reply.read()
        if not content.strip():
            raise errors.empty()
        try:
            value = msgspec.json.decode(content)
        except UNREADABLE as error:
            raise errors.malformed(content, error) from error
        if isinstance(value, dict) and value.get("error"):
            raise errors.event(value, headers=reply.headers, has_started=False)
        return content


def _named(error: ProviderError, model: str) -> ProviderError:
    """The error of a model that is not there says what to type for this one."""
    if error.status != 404 or "NAME" not in error.hint or not model:  # noqa: PLR2004 - HTTP's
        return error
    said = str(error).removeprefix(f"{error.provider}: ").removesuffix(error.hint).rstrip()
    return BadRequest(said, provider=error.provider, status=error.status, headers=error.headers, hint=error.hint.replace("NAME", model))


def _untruncated(body: dict[str, Any]) -> bytes:
    """Ask for an error instead of a shortened prompt, which the client cannot say: by default Ollama drops what does not fit without a word."""
    return msgspec.json.encode({**body, "truncate": False, "shift": False})


class _Lines(httpx.AsyncByteStream):
    """A body whose lines are bounded, because the client keeps a line whatever its size."""

    def __init__(self, reply: Reply, *, http: Http) -> None:
        self._reply, self._http = reply, http

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async with contextlib.aclosing(self._reply.chunks()) as chunks:
            async for chunk in chunks:
                first, last = chunk.find(b"\n"), chunk.rfind(b"\n")
                if size + (len(chunk) if first < 0 else first) > MAX_EVENT_BYTES:
                    raise self._http.errors.broken(f"a line is larger than {MAX_EVENT_BYTES} bytes.")
                size = size + len(chunk) if last < 0 else len(chunk) - last - 1
                yield chunk

    async def aclose(self) -> None:
        await self._reply.aclose()
