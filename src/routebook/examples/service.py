"""Asks a web service for JSON or text, over the connections that models are asked over: the system's proxies, certificates, and no redirects."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from routebook.backends.http import Http
from routebook.backends.translate import Translator
from routebook.backends.unreadable import UNREADABLE
from routebook.errors import Unavailable

_CONNECT_S: Final = 10.0
_MAX_BYTES: Final = 4 << 20


async def fetch(
    name: str, url: str, path: str, *, query: Mapping[str, object] | None = None, body: object = None, key: str | None = None
) -> Any:  # noqa: ANN401  whatever the service answers
    """Ask and return the answer: JSON decoded, anything else as text.

    Args:
        name: of the service, for errors.
        url: its address; the variable `NAME_URL` in the environment names another, a company's own or a test's.
        path: below the address.
        query: what goes behind the `?`; without `None`s.
        body: sent as JSON with POST.
        key: sent as a bearer token.

    Raises:
        ProviderError: the service cannot be reached, or says no.
    """
    errors = Translator(name, clock=time.time, secret=key)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    http = Http(os.environ.get(f"{name.upper()}_URL", url), headers=headers, errors=errors, hint="Is there a network?")
    asked = urlencode({one: value for one, value in (query or {}).items() if value is not None})
    try:
        reply = await http.send(f"{path}?{asked}" if asked else path, body=body, local=False, connect_s=_CONNECT_S)
        async with contextlib.aclosing(reply):
            raw = await reply.read(max_bytes=_MAX_BYTES)
    finally:
        await http.aclose()
    if "json" not in reply.content_type:
        return raw.decode("utf-8", "replace")
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE as error:
        raise Unavailable("its answer is no JSON.", provider=name) from error
