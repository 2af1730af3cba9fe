"""The plain case of HTTP's chunked bodies, read without an HTTP library: a token is a chunk, and the library costs more than all else done with it.

Only what every server sends is read here: a size in hexadecimal digits, so many bytes, the next. Whatever else comes, the end of the body among it,
is handed on for the library to judge.
"""

from __future__ import annotations

import re
from typing import Final

_SIZE: Final = re.compile(rb"([1-9a-fA-F][0-9a-fA-F]{0,7})\r\n")
_BEGINS: Final = re.compile(rb"[1-9a-fA-F][0-9a-fA-F]{0,7}\r?")
_END: Final = b"\r\n"


class Chunks:
    """Takes bytes as they come and gives those of the body."""

    __slots__ = ("_left", "_part", "rest")

    def __init__(self) -> None:
        """At the beginning of a body."""
        self._part = b""
        """Bytes that may become a frame once more of it has come."""
        self._left = -1
        """Bytes of a chunk that are to come; 0 at the line end behind one, -1 between two."""
        self.rest: bytes | None = None
        """What is left for the library, framed so that it can go on from here; `None` as long as there is none."""

    def feed(self, data: bytes) -> bytes:
        """Return what of the body these bytes hold."""
        found: list[bytes] = []
        data, self._part, at = self._part + data, b"", 0
        while at < len(data) and self.rest is None and not self._part:
            if self._left > 0:
                found.append(data[at : at + self._left])
                self._left -= len(found[-1])
                at += len(found[-1])
            elif self._left == 0 and data.startswith(_END, at):
                self._left, at = -1, at + len(_END)
            elif self._left < 0 and (size := _SIZE.match(data, at)):
                self._left, at = int(size[1], 16), size.end()
            else:
                self._keep(data[at:])
        return found[0] if len(found) == 1 else b"".join(found)

    def stop(self) -> None:
        """Leave the rest to the library: no more will be fed."""
        self.rest = (b"%x\r\n" % self._left if self._left > 0 else b"") + self._part

    def _keep(self, data: bytes) -> None:
        """What may become a frame waits for more of it; of anything else the library is the judge."""
        self._part = data
        if not (data == b"\r" if self._left == 0 else _BEGINS.fullmatch(data)):
            self.stop()
