"""What the scripted server needs of each wire format."""

from __future__ import annotations

import datetime as dt
import email.utils
import math
import time
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec

from routebook.backends.chaos.script import Act, Asked
from routebook.config.scripted import Fault, ScriptedCall

encode = msgspec.json.encode
WaitForm = Literal["seconds", "ms", "date", "body", "reset", "page"]
"""How a 429 states its time: `retry-after` in seconds, `retry-after-ms`, `retry-after` as a date, in the body, as the reset of a limit that
has nothing remaining, or with `retry-after` on a page of whatever stands in front of the provider."""

REFUSAL: Final = "I cannot help with that request."
_STATUS: Final = {"rate_limit": 429, "server_error": 500, "context_overflow": 400, "auth": 401, "not_found": 404}
_PAGE: Final = b"<html><head><title>429 Too Many Requests</title></head><body><center><h1>429 Too Many Requests</h1></center></body></html>"


class Wait(NamedTuple):
    """A time to wait, as it will be stated."""

    headers: dict[str, str]
    seconds: float | None
    """As the client will read it; `None` when nothing is stated."""
    is_in_body: bool = False


class Failure(NamedTuple):
    """A response that says that the call failed."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire(Protocol):
    """One wire format, from the server's side."""

    stream_type: str
    """The content type of a stream."""
    overloaded_status: int
    """What it answers when it has too much to do."""
    wait_form: WaitForm
    """How this kind of provider usually states the time to wait."""
    reset_headers: tuple[str, str]
    """The names of what remains of a limit and of when it is reset."""
    has_reset_dates: bool
    """A reset is stated as a date (RFC 3339), else as a duration."""

    def asked(self, path: str, body: dict[str, Any]) -> Asked:
        """Read a request. Raises `KeyError`, `TypeError` or `AttributeError` when it is none."""
        ...

    def opening(self, asked: Asked, act: Act) -> bytes:
        """Return what comes before the first token."""
        ...

    def token(self, asked: Asked, text: str) -> bytes:
        """Return one token of a stream."""
        ...

    def closing(self, asked: Asked, act: Act) -> list[bytes]:
        """Return the events that end a stream, its usage among them."""
        ...

    def whole(self, asked: Asked, act: Act) -> bytes:
        """Return a whole answer as one body."""
        ...

    def refusal(self, asked: Asked, act: Act) -> list[bytes]:
        """Return a refusal: the events of a stream, or one body."""
        ...

    def inside(self, message: str) -> bytes:
        """Return an error as an event of a stream."""
        ...

    def malformed(self) -> bytes:
        """Return an event that is none."""
        ...

    def error(self, fault: Fault, *, status: int, wait: Wait) -> bytes:
        """Return the body of a failure."""
        ...

    def listing(self, models: tuple[str, ...]) -> bytes:
        """Return the list of models."""
        ...


def failure(wire: Wire, fault: Fault, *, form: WaitForm | None, clock: Callable[[], float] = time.time) -> tuple[Failure, Wait]:
    """Return the response of a fault that comes instead of an answer, and the wait it states; `clock` is the server's, right or wrong."""
    status = fault.status or (wire.overloaded_status if fault.kind == "overloaded" else _STATUS[fault.kind])
    form = form if form and (form != "reset" or status == _STATUS["rate_limit"]) else wire.wait_form
    wait = _wait(wire, fault.retry_after_s, form=form, clock=clock)
    is_page = form == "page" and status == _STATUS["rate_limit"]
    content_type = "text/html" if is_page else "application/json"
    headers = {"content-type": content_type, "date": email.utils.formatdate(clock(), usegmt=True), **wait.headers}
    return Failure(status, headers, _PAGE if is_page else wire.error(fault, status=status, wait=wait)), wait


def _wait(wire: Wire, seconds: float | None, *, form: WaitForm, clock: Callable[[], float]) -> Wait:
    if seconds is None:
        return Wait({}, None)
    if form == "reset":
        return _reset(wire, seconds)
    if form == "body":
        return Wait({}, seconds, is_in_body=True)
    if form == "ms":
        return Wait({"retry-after-ms": f"{seconds * 1000:.0f}"}, seconds)
    if form == "date":
        until = math.ceil(clock() + seconds)
        return Wait({"retry-after": email.utils.formatdate(until, usegmt=True)}, until - clock())
    return Wait({"retry-after": f"{seconds:g}"}, seconds)


def _reset(wire: Wire, seconds: float) -> Wait:
    """State the reset of a limit that has nothing remaining."""
    remaining, reset = wire.reset_headers
    if not wire.has_reset_dates:
        return Wait({remaining: "0", reset: f"{seconds:g}s"}, seconds)
    until = math.ceil(time.time() + seconds)  # a date is measured against the reader's clock, so the server's must be right
    return Wait({remaining: "0", reset: f"{dt.datetime.fromtimestamp(until, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"}, until - time.time())


def sse(value: object) -> bytes:
    """Return a value as one event."""
    return b"data: %b\n\n" % encode(value)


def written(call: ScriptedCall) -> str:
    """Return the arguments of a call as text."""
    return encode(call.arguments).decode() if call.written is None else call.written


def halves(text: str) -> tuple[str, str]:
    """Cut a text in two, as arguments come in pieces."""
    return text[: len(text) // 2], text[len(text) // 2 :]


def n_chars(messages: list[Any]) -> int:
    """Count the characters of messages whose content is text or parts with text."""
    return sum(_n_chars(message.get("content", message.get("parts"))) for message in messages)


def _n_chars(content: object) -> int:
    if isinstance(content, str):
        return len(content)
    return sum(len(part.get("text", "")) for part in content if isinstance(part, dict)) if isinstance(content, list) else 0
