"""Plays one act to one client: an answer, a failure, or what lies between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from routebook.backends.chaos.http1 import END, chunk
from routebook.backends.chaos.script import Act, Asked
from routebook.backends.chaos.wire import Wait, WaitForm, Wire, failure
from routebook.backends.http import MAX_BODY_BYTES
from routebook.backends.sse import MAX_EVENT_BYTES
from routebook.config.scripted import Fault

_JSON: Final = {"content-type": "application/json"}
_SLOW_S: Final = 10.0
_FOREVER_S: Final = 86_400.0
_FAILURES: Final = frozenset({"rate_limit", "server_error", "overloaded", "context_overflow", "auth", "not_found"})
_INSIDE: Final = frozenset({"stall", "cut", "malformed", "oversized", "error_inside"})
_ELSEWHERE: Final = "http://192.0.2.1/elsewhere"
"""An address that is nobody's (RFC 5737)."""
_PAGE: Final = b"<!doctype html><html><head><title>Sign in to the network</title></head><body><h1>Welcome</h1></body></html>"


class Out(Protocol):
    """The way to one client."""

    def respond(self, status: int, headers: dict[str, str], body: bytes, *, length: int | None = None) -> None:
        """Send a whole response; `length` claims another length than the body has."""
        ...

    def start(self, headers: dict[str, str]) -> None:
        """Send the head of a stream."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes of a stream, framed already."""
        ...

    def abort(self) -> None:
        """Cut the connection."""
        ...


class Scene:
    """One call and what is to be played for it."""

    def __init__(
        self,
        wire: Wire,
        asked: Asked,
        act: Act,
        *,
        out: Out,
        form: WaitForm | None,
        tell: Callable[[Wait | None], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`form` is how a wait is stated, instead of the usual way of the wire format; `clock` is the server's.

        `tell` is called with the wait, or with `None` for what an answer used, that is about to be stated: before the client can know of it.
        """
        self._wire, self._asked, self._act, self._out, self._form, self._tell, self._clock = wire, asked, act, out, form, tell, clock

    async def play(self) -> str:
        """Play it to its end and return the outcome: `ok` or the kind of the fault."""
        fault = self._act.fault
        if fault is not None and fault.kind in _FAILURES:
            await asyncio.sleep(fault.delay_s or 0)
            self._fail(fault)
            return fault.kind
        if self._act.latency_s:
            await asyncio.sleep(self._act.latency_s)
        if fault is not None and fault.kind in self._instead:
            await self._instead[fault.kind](self, fault)
            return fault.kind
        await (self._stream() if self._asked.is_stream else self._whole())
        return fault.kind if fault is not None else "ok"

    def _fail(self, fault: Fault) -> None:
        response, wait = failure(self._wire, fault, form=self._form, clock=self._clock)
        self._tell(wait)
        self._out.respond(response.status, response.headers, response.body)

    async def _hang_up(self, fault: Fault) -> None:
        await asyncio.sleep(fault.delay_s or 0)
        self._out.abort()

    async def _page(self, fault: Fault) -> None:
        self._out.respond(fault.status or 200, {"content-type": "text/html; charset=utf-8"}, _PAGE)

    async def _redirect(self, fault: Fault) -> None:  # noqa: ARG002 - one signature for all
        self._out.respond(307, {"location": _ELSEWHERE}, b"")

    async def _misframe(self, fault: Fault) -> None:  # noqa: ARG002 - one signature for all
        self._out.start({"content-type": self._wire.stream_type if self._asked.is_stream else "application/json"})
        self._out.write(b"not a length\r\n" + self._wire.token(self._asked, "x") + b"\r\n" + END)

    async def _nothing(self, fault: Fault) -> None:
        if self._asked.is_stream:
            self._out.start({"content-type": self._wire.stream_type})
            self._out.write(END)
        else:
            self._out.respond(fault.status or 200, _JSON, b"")

    async def _refuse(self, fault: Fault) -> None:  # noqa: ARG002 - one signature for all
        parts = self._wire.refusal(self._asked, self._act)
        if not self._asked.is_stream:
            self._out.respond(200, _JSON, parts[0])
            return
        self._out.start({"content-type": self._wire.stream_type})
        self._out.write(b"".join(map(chunk, parts)) + END)

    async def _late(self, fault: Fault) -> None:
        await asyncio.sleep(fault.delay_s or _SLOW_S)
        await (self._stream() if self._asked.is_stream else self._whole())

    _instead: Final[dict[str, Callable[[Scene, Fault], Awaitable[None]]]] = {
        "refused_connection": _hang_up,
        "wrong_content_type": _page,
        "empty": _nothing,
        "refusal": _refuse,
        "slow_first_token": _late,
        "redirect": _redirect,
        "bad_framing": _misframe,
    }

    async def _stream(self) -> None:
        act, out, wire, asked = self._act, self._out, self._wire, self._asked
        fault = act.fault if act.fault is not None and act.fault.kind in _INSIDE else None
        out.start({"content-type": wire.stream_type})
        if opening := wire.opening(asked, act):
            out.write(chunk(opening))
        tokens = act.tokens if fault is None else act.tokens[: fault.after_tokens]
        for token in tokens:
            out.write(chunk(wire.token(asked, token)))
            await asyncio.sleep(act.interval_s)
        if fault is not None:
            await self._break_stream(fault)
        else:
            self._tell(None)
            out.write(b"".join(map(chunk, wire.closing(asked, act))) + END)

    async def _break_stream(self, fault: Fault) -> None:
        out, wire = self._out, self._wire
        if fault.kind == "stall":
            await asyncio.sleep(fault.delay_s or _FOREVER_S)
            out.abort()
        elif fault.kind == "cut":
            out.abort()
        elif fault.kind == "malformed":
            out.write(chunk(wire.malformed()) + END)
        elif fault.kind == "oversized":
            out.write(chunk(wire.token(self._asked, "x" * (MAX_EVENT_BYTES + 1))) + END)
        else:
            out.write(chunk(wire.inside("The server had an error inside of the stream.")) + END)

    async def _whole(self) -> None:
        act, out = self._act, self._out
        await asyncio.sleep(act.interval_s * len(act.tokens))
        body = self._wire.whole(self._asked, act)
        fault = act.fault
        if fault is None or fault.kind not in _INSIDE:
            self._tell(None)
            out.respond(200, _JSON, body)
        elif fault.kind in ("stall", "cut"):
            out.respond(200, _JSON, body[: len(body) // 2], length=len(body))
            await asyncio.sleep((fault.delay_s or _FOREVER_S) if fault.kind == "stall" else 0)
            out.abort()
        elif fault.kind == "malformed":
            out.respond(200, _JSON, body[: len(body) // 2])
        elif fault.kind == "oversized":
            out.respond(200, _JSON, b" " * MAX_BODY_BYTES + body)
        else:
            out.respond(200, _JSON, self._wire.error(Fault(kind="server_error"), status=500, wait=Wait({}, None)))
