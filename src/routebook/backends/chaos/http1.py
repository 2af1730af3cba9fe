"""The little of HTTP/1.1 that a scripted server needs, strict in what it takes and free in what it sends."""

from __future__ import annotations

from typing import Final, NamedTuple

from routebook.errors import RoutebookError

_MAX_HEAD_BYTES: Final = 1 << 16
_MAX_BODY_BYTES: Final = 1 << 28
_PHRASES: Final = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
}
END: Final = b"0\r\n\r\n"
"""Ends a body that was sent in chunks."""


class BadHttp(RoutebookError):
    """What came is not a request that this server takes."""


class HttpRequest(NamedTuple):
    """One request, complete."""

    method: str
    path: str
    """Without the query."""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


class RequestReader:
    """Takes bytes as they come and gives complete requests."""

    __slots__ = ("_buffer", "_head", "_needed_bytes")

    def __init__(self) -> None:
        """One for each connection."""
        self._buffer = bytearray()
        self._head: tuple[str, str, dict[str, str]] | None = None
        self._needed_bytes = 0

    def feed(self, data: bytes) -> HttpRequest | None:
        """Return the next request once it is complete; feed nothing to ask for another that came with it. Raises `BadHttp`."""
        self._buffer += data
        if self._head is None and not self._read_head():
            return None
        if len(self._buffer) < self._needed_bytes or self._head is None:
            return None
        body = bytes(self._buffer[: self._needed_bytes])
        del self._buffer[: self._needed_bytes]
        (method, path, headers), self._head = self._head, None
        return HttpRequest(method, path, headers, body)

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                raise BadHttp(f"the head of the request is larger than {_MAX_HEAD_BYTES} bytes")
            return False
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        method, _, rest = first.partition(" ")
        target, _, version = rest.rpartition(" ")
        if not version.startswith("HTTP/1.") or not target.startswith("/"):
            raise BadHttp(f"not a request line: {first[:80]!r}")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._needed_bytes = _length(headers)
        self._head = method, target.partition("?")[0], headers
        return True


def _length(headers: dict[str, str]) -> int:
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal() or int(length) > _MAX_BODY_BYTES:
        raise BadHttp("the length of the body must be stated, in one content-length")
    return int(length)


def head(status: int, headers: dict[str, str], *, length: int | None) -> bytes:
    """Return the head of a response; with `length` `None` the body follows in chunks."""
    body = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {_PHRASES.get(status, 'Status')}\r\n{lines}{body}\r\n\r\n".encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Return data as one chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(data), data)
