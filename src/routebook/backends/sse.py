"""Server-sent events out of a stream of bytes, however it is cut into pieces.

Follows the event stream section of the HTML standard: lines end with LF, CRLF or CR, a blank line ends an event, `:` opens a comment and
several `data:` lines are joined by LF. Names and ids of events are passed over: every model provider repeats them in the data.
"""

from __future__ import annotations

from routebook.errors import StreamBroken

MAX_EVENT_BYTES = 2 << 20
_BOM = b"\xef\xbb\xbf"
_BARE_JSON = (b"{", b"[{")
"""Not in the standard, where such a line means nothing: Gemini says so what goes wrong inside of a stream."""


class SseParser:
    """Takes bytes as they come and gives the data of each complete event."""

    __slots__ = ("_buffer", "_ends_with_cr", "_head", "_max_bytes", "_provider")

    def __init__(self, *, provider: str = "", max_bytes: int = MAX_EVENT_BYTES) -> None:
        """`max_bytes` bounds what is kept while an event is not complete."""
        self._buffer = bytearray()
        self._head: bytes | None = b""
        self._ends_with_cr = False
        self._provider, self._max_bytes = provider, max_bytes

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of the events that this chunk completes, in order.

        Raises:
            StreamBroken: an event is larger than the bound.
        """
        if b"\r" in chunk or self._ends_with_cr:
            chunk = self._with_lf(chunk)
        if self._head is not None:
            chunk = self._without_bom(self._head + chunk)
        if not self._buffer and chunk.endswith(b"\n\n"):  # the usual case: whole events in one piece
            return _data_of(chunk)
        return _data_of(self._complete(chunk))

    def close(self) -> list[bytes]:
        """Return the data of a last event that no blank line ended: some servers stop right after `data: [DONE]`."""
        rest = (self._head or b"") + self._buffer
        self._buffer.clear()
        return _data_of(rest)

    def _complete(self, chunk: bytes) -> bytes:
        """Keep the chunk and take out what ends with a blank line; looks at no byte twice, so that tiny chunks stay cheap."""
        buffer = self._buffer
        searched = max(len(buffer) - 1, 0)
        buffer += chunk
        if len(buffer) > self._max_bytes and buffer.find(b"\n\n", 0, self._max_bytes) < 0:
            buffer.clear()
            raise StreamBroken(f"an event is larger than {self._max_bytes} bytes.", provider=self._provider)
        end = buffer.rfind(b"\n\n", searched) + 2
        whole = bytes(buffer[:end]) if end >= 2 else b""  # noqa: PLR2004 - rfind found nothing: -1
        del buffer[: len(whole)]
        return whole

    def _without_bom(self, start: bytes) -> bytes:
        """Strip a byte order mark, once enough has come to know one."""
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._head = start
            return b""
        self._head = None
        return start.removeprefix(_BOM)

    def _with_lf(self, chunk: bytes) -> bytes:
        """Turn every line end into LF; a CR at the very end counts at once, and an LF that opens the next chunk belongs to it."""
        if chunk and self._ends_with_cr:
            chunk = chunk.removeprefix(b"\n")
            self._ends_with_cr = False
        if chunk.endswith(b"\r"):
            self._ends_with_cr = True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _data_of(block: bytes) -> list[bytes]:
    """Return the data of each event of a block of events with LF line ends."""
    found = []
    for event in (part.lstrip(b"\n") for part in block.split(b"\n\n")):  # one blank line more is no part of an event
        if event.startswith(b"data: ") and b"\n" not in event:
            found.append(event[6:])
        elif event.startswith(_BARE_JSON):
            found.append(event)
        elif event:
            lines = [
                line.partition(b":")[2].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:") or line == b"data"
            ]
            if lines:
                found.append(b"\n".join(lines))
    return found
