"""The embedded model's child process, from this side: started once, watched, ended with us."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Any, Final

from routebook.errors import SetupNeeded, Unavailable

_CHILD: Final = Path(__file__).with_name("embedded_child.py")
_GOODBYE_S: Final = 2.0
PARALLEL: Final = 2


class EmbeddedServer:
    """Serves one GGUF file from a child process on loopback. Bound to the event loop that starts it."""

    def __init__(self, gguf: Path, *, alias: str, context: int, provider: str = "embedded") -> None:
        """`context` is the window in tokens of each of the two prompts that are answered at once."""
        self._gguf = str(gguf)
        self._task = {"gguf": self._gguf, "alias": alias, "context": context, "parallel": PARALLEL}
        self._provider = provider
        self._process: Process | None = None
        self._starting: asyncio.Task[None] | None = None
        self.key = ""
        """Asked for by the server; made anew with each start."""
        self.url = ""
        """As far as the port, once started."""

    @property
    def is_running(self) -> bool:
        """The child lives and has said where it listens."""
        return self._process is not None and self._process.returncode is None and bool(self.url)

    async def start(self) -> None:
        """Start the child unless it runs, and return when it listens; whoever is cancelled while waiting does not stop it.

        Raises:
            SetupNeeded: xllamacpp or a library that it needs is missing, or the file is not a model.
            Unavailable: the child died while it started.
        """
        if self.is_running:
            return
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start())
        await asyncio.shield(self._starting)

    async def aclose(self) -> None:
        """End the child."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._starting
        process, self._process, self.url = self._process, None, ""
        if process is not None:
            await _end(process)

    async def _start(self) -> None:
        self.key, self.url = secrets.token_urlsafe(24), ""
        environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
        # -P keeps our own modules off the child's path, where some have the names of well-known packages.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", str(_CHILD), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment
        )
        try:
            self.url = _address(await self._introduce(process), gguf=self._gguf, provider=self._provider)
        except BaseException:  # also a cancellation: a child that nobody holds would stay
            await _end(process)
            raise
        self._process = process

    async def _introduce(self, process: Process) -> dict[str, Any]:
        """Hand over the task and read the answer; other lines on its output are a library's chatter."""
        assert process.stdin is not None  # noqa: S101 - pipes were asked for
        assert process.stdout is not None  # noqa: S101 - as above
        process.stdin.write(json.dumps({**self._task, "key": self.key}).encode() + b"\n")
        with contextlib.suppress(ConnectionError):
            await process.stdin.drain()
        while line := await process.stdout.readline():
            if line.startswith(b"{"):
                said: dict[str, Any] = json.loads(line)
                return said
        code = await process.wait()
        raise Unavailable(
            f"the embedded model's process ended with {code} while it started.", provider=self._provider, hint="Is there enough memory?"
        )


def _address(said: dict[str, Any], *, gguf: str, provider: str) -> str:
    if "url" in said:
        return str(said["url"])
    what, missing = str(said["error"]), said["missing"]
    if "libgomp" in what:
        msg = "The embedded model needs the system library libgomp; type: apt install libgomp1 (or your system's package of that name)."
        raise SetupNeeded(msg)
    if missing == "xllamacpp":
        msg = "The embedded model runs on xllamacpp, which is not installed; type: pip install xllamacpp"
        raise SetupNeeded(msg)
    if said["kind"].endswith("ImportError"):
        raise SetupNeeded(
            f"xllamacpp, which runs the embedded model, cannot be loaded: {what}. Reinstall it: pip install --force-reinstall xllamacpp"
        )
    raise SetupNeeded(
        f"{provider}: {gguf} cannot be loaded as a model ({what}). Name another GGUF file, or type %route setup to fetch the usual one again."
    )


async def _end(process: Process) -> None:
    """Close the child's input, which ends it; kill it if it does not listen."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_GOODBYE_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
