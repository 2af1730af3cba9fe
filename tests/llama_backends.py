"""Backends over one model of a llama.cpp server, and what is known of the processes behind them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import llama_server
from calls import call

from routebook.backends.llamacpp import LlamaCppBackend
from routebook.backends.registry import open_backend
from routebook.config.values import Model, Provider
from routebook.messages import Call

FILE = "tiny.gguf"
PATIENCE_S = 30.0


def opened(folder: Path, port: int, *args: str, command: str | None = None, gguf: Path | None = None, **more: Any) -> LlamaCppBackend:  # noqa: ANN401  of Model
    """A backend over one model, whose server is a program that answers without one."""
    file = gguf or folder / FILE
    if gguf is None:
        file.write_bytes(b"GGUF" * 1000)
    model = Model(provider="llama", id="tiny", gguf=str(file), port=port, args=args, **more)
    provider = Provider(kind="llamacpp", command=command or llama_server.program(folder))
    backend = open_backend("llama", provider, key=None, models={"small": model})
    assert isinstance(backend, LlamaCppBackend)
    return backend


@contextlib.asynccontextmanager
async def closing(*backends: LlamaCppBackend) -> AsyncIterator[None]:
    """Let go of the servers in any case."""
    try:
        yield
    finally:
        for backend in backends:
            await backend.aclose()


def asked(**more: Any) -> Call:  # noqa: ANN401  of Call
    """A call to the model, behind the wall."""
    return call("count", model_id="tiny", local=True, **more)


def record() -> dict[str, Any]:
    """What the one keeper says of itself to kernels of the same user."""
    [file] = (Path.home() / ".cache" / "routebook" / "servers").glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said: dict[str, Any] = json.loads(file.read_text())
    return said


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "zombie" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc/self").exists() else True


def listens(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def parent_of(pid: int) -> int:
    """The process that started another."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
