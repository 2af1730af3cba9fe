"""Sends a text to a webhook in Slack's format, again where that may help. Its address is a key: it is shown nowhere."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from routebook.backends.http import Http
from routebook.backends.translate import Translator
from routebook.errors import RateLimited, TimedOut, Unavailable

WAITS_S: Final = (1.0, 5.0, 30.0)
"""Before each try after the first, unless the webhook states a time."""
_MOST_S: Final = 10.0
_NAME: Final = "webhook"


async def post(address: str, text: str, *, waits_s: tuple[float, ...] = WAITS_S) -> None:
    """Send a text.

    Raises:
        ProviderError: it was not taken, after as many tries as make sense.
        UsageError: the address is none.
    """
    http = Http(address, headers={}, errors=Translator(_NAME, clock=time.time, secret=address))
    try:
        for wait_s in (*waits_s, None):
            try:
                await _once(http, text)
            except (RateLimited, Unavailable, TimedOut) as error:
                if wait_s is None:
                    raise
                await asyncio.sleep(error.retry_after_s if error.retry_after_s is not None else wait_s)
            else:
                return
    finally:
        await http.aclose()


async def _once(http: Http, text: str) -> None:
    try:
        async with asyncio.timeout(_MOST_S):
            reply = await http.send("", body={"text": text}, local=False, connect_s=_MOST_S)
            try:
                await reply.read()
            finally:
                await reply.aclose()
    except TimeoutError as error:
        raise TimedOut("total", limit_s=_MOST_S, provider=_NAME) from error
