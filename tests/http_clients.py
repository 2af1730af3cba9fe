"""Clients of one address, and the body of a response."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

from routebook.backends.http import Http
from routebook.backends.translate import Translator


@contextlib.asynccontextmanager
async def client(url: str, *, hint: str = "", **headers: str) -> AsyncIterator[Http]:
    """One to an address."""
    http = Http(url, headers=headers, errors=Translator("acme", clock=time.time), hint=hint)
    yield http
    await http.aclose()


async def got(http: Http, path: str = "/x", *, body: object = None, connect_s: float = 20) -> bytes:
    """The body of one response."""
    reply = await http.send(path, body=body, local=False, connect_s=connect_s)
    try:
        return await reply.read()
    finally:
        await reply.aclose()
