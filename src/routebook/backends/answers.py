"""A reply into deltas and one finish: what the HTTP backends have in common.

Each wire format brings an `Answer`, which knows what data means; here is how data comes: as events, or as one body.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from routebook.backends.answer import Answer
from routebook.backends.http import Http, Reply
from routebook.backends.said import said
from routebook.backends.sse import SseParser
from routebook.backends.translate import Translator
from routebook.errors import StreamBroken
from routebook.messages import Call, Delta, Finish

_FAREWELL_S: Final = 0.2


async def converse(http: Http, path: str, *, body: object, call: Call, answer: Answer) -> AsyncGenerator[Delta | Finish]:
    """Send a call and yield its answer: the body of every HTTP backend's `stream`."""
    reply = await http.send(path, body=body, local=call.local, connect_s=call.connect_s)
    try:
        answer.headers = reply.headers
        if "json" in reply.content_type:  # asked for, or what some servers answer to a stream that they cannot give
            for delta in answer.whole(await reply.read()):
                yield delta
        else:
            async with contextlib.aclosing(_events(reply, answer=answer, errors=http.errors)) as pieces:
                async for events in pieces:
                    for data in events:
                        for delta in answer.feed(data):
                            yield delta
                        if answer.is_over:
                            break
        yield answer.last_word()
    finally:
        await reply.aclose()


async def _events(reply: Reply, *, answer: Answer, errors: Translator) -> AsyncGenerator[list[bytes]]:
    """Yield the data of the events that each piece of the stream completes."""
    if reply.content_type not in ("text/event-stream", ""):
        raise await _wrong_type(reply, errors=errors)
    parser = SseParser(provider=errors.provider)
    try:
        async with contextlib.aclosing(reply.chunks()) as pieces:
            async for piece in pieces:
                yield parser.feed(piece)
                if answer.is_over:
                    await _drain(pieces)
                    return
        yield parser.close()
    except StreamBroken:
        if not answer.is_complete:
            raise


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read to the end of the body, so that the connection can be used again; not for long, some servers leave it open."""
    try:
        async with asyncio.timeout(_FAREWELL_S):
            async for _ in pieces:
                pass
    except (TimeoutError, StreamBroken):
        return


async def _wrong_type(reply: Reply, *, errors: Translator) -> StreamBroken:
    words = said(await reply.read()).text
    return errors.broken(
        f"the answer is {reply.content_type}, not an event stream: {words[:120]!r}.",
        hint="Check base_url: a web page answers there, or something on the way to it.",
    )
