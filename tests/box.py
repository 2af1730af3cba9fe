"""A machine with an Ollama: a scripted server that really keeps models in memory, and routers in front of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from served import loaded

from routebook.engine.router import Router
from routebook.testing import Memory, ScriptedServer, Stored

GB: Final = 1_000_000_000


def stored(size_gb: float = 5.0, *, load_s: float = 0.05) -> Stored:
    """A model on the disk."""
    return Stored(size_bytes=round(size_gb * GB), load_s=load_s)


def disk(*names: str, size_gb: float = 5.0, load_s: float = 0.05) -> dict[str, Stored]:
    """Some models alike."""
    return {f"{name}:1": stored(size_gb, load_s=load_s) for name in names}


def memory_of(server: ScriptedServer) -> Memory:
    """What the server has loaded."""
    assert server.memory is not None
    return server.memory


def box(
    server: ScriptedServer, *names: str, books: str | Path = ":memory:", models: dict[str, Any] | None = None, **tables: Any  # noqa: ANN401
) -> Router:  # fmt: skip
    """A router over models of the server, `a` for its `a:1`, in order; keys of the provider go in by `provider = {...}`."""
    limits = tables.pop("provider", {"max_loaded": 2})
    entries = models or {name: {} for name in names}
    given: dict[str, Any] = {
        "providers": {"mac": {"kind": "ollama", "base_url": server.url_for("ollama"), **limits}},
        "models": {name: {"provider": "mac", "id": f"{name}:1", **more} for name, more in entries.items()},
        "routes": [{"name": "chat", "try": list(entries)}],
    }
    return Router(loaded(books=books, **(given | tables)))
