"""A kernel's end of the line to a keeper: held for as long as the kernel may call the server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, Self

import msgspec

_KEEPER: Final = Path(__file__).with_name("llamacpp_keeper.py")
_PATIENCE_S: Final = 10.0
"""Longer than a keeper gives a server to end: one that is just ending it is waited for, so that its server is not taken for somebody else's."""


class Record(msgspec.Struct, frozen=True):
    """What a keeper says of itself."""

    door: int
    """Its port on loopback."""
    token: str
    key: str
    """Of the server."""
    gguf: str

    def __repr__(self) -> str:
        """Neither token nor key."""
        return f"Record(door={self.door}, gguf={self.gguf!r})"


class Link:
    """One connection to a keeper."""

    def __init__(self, record: Record, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Both ends are open, and the keeper has let us in."""
        self.record, self._writer = record, writer
        self.end: dict[str, Any] | None = None
        """How the server ended: its `code` (`None` when it was told to) and what it `said` last; `None` while it lives."""
        self._hearing = asyncio.create_task(self._hear(reader))

    @classmethod
    async def to(cls, record: Record) -> Self | None:
        """Come in; `None` when the keeper has gone."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", record.door)
                writer.write(record.token.encode() + b"\n")
                if await reader.readline():
                    return cls(record, reader, writer)
                writer.close()
        except (OSError, TimeoutError):
            pass
        return None

    async def ended(self, *, within_s: float) -> dict[str, Any] | None:
        """How the server ended, if that is told in time."""
        await asyncio.wait([self._hearing], timeout=within_s)
        return self.end

    async def stop(self) -> None:
        """Have the server ended, whoever else uses it, and return when it has."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(b"stop\n")
            await self._writer.drain()
        await asyncio.wait([self._hearing])

    async def aclose(self) -> None:
        """Let go."""
        self._hearing.cancel()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        line = b""
        with contextlib.suppress(OSError, ValueError):
            line = await reader.readline()
        try:
            self.end = json.loads(line)
        except ValueError:  # it went without a word: it was killed
            self.end = {"code": None, "said": ""}


def read_record(path: Path) -> Record | None:
    """What the keeper of a port says of itself; `None` when there is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def launch_keeper(task: dict[str, Any]) -> dict[str, Any]:
    """Start a keeper and return what it says first; it goes on without us. Blocks for a moment: call it on a thread."""
    process = subprocess.Popen(  # noqa: S603 - our own file
        [sys.executable, "-P", str(_KEEPER)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None  # noqa: S101 - pipes were asked for
    assert process.stdout is not None  # noqa: S101 - as above
    with process.stdin, process.stdout:
        process.stdin.write(json.dumps(task).encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
    if hasattr(os, "fork"):
        process.wait()  # it has left a child behind that is not ours
    said: dict[str, Any] = json.loads(line) if line else {"error": "it ended without a word"}
    return said
