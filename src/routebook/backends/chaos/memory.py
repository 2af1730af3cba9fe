"""The memory and the disk of a scripted Ollama: it loads models, which takes time, unloads and pulls them, and counts what is there.

It puts no limit on what is loaded: that is for those who call it to keep, and for tests to see.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import msgspec

from routebook.backends.chaos.connection import Connection
from routebook.backends.chaos.http1 import END, HttpRequest, chunk
from routebook.config.table import Table

_JSON: Final = {"content-type": "application/json"}
_STEPS: Final = 20
"""So often a pull says how far it is."""
_TIME: Final = "2026-01-01T00:00:00Z"


class Stored(Table, frozen=True, kw_only=True):
    """A model on the disk."""

    size_bytes: int = 4_700_000_000
    memory_bytes: int | None = None
    """What it takes when loaded; without it as much as on the disk."""
    load_s: float = 0.0

    @property
    def takes(self) -> int:
        """Bytes in memory."""
        return self.size_bytes if self.memory_bytes is None else self.memory_bytes


class _Loaded(msgspec.Struct):
    """A model in memory."""

    busy: int = 0
    until: float = 0.0
    is_leaving: bool = False


class Memory:
    """What a scripted Ollama has on its disk and in its memory."""

    def __init__(
        self,
        disk: Mapping[str, Stored],
        *,
        pullable: Mapping[str, Stored] | None = None,
        pull_s: float = 0.0,
        free_bytes: int | None = None,
        unload_s: float = 0.0,
        keep_alive_s: float = 300.0,
    ) -> None:
        """Prepare it; nothing is loaded yet.

        Args:
            disk: the models that are there, by name with their tag.
            pullable: those that can be pulled; all other names are unknown.
            pull_s: how long a pull takes.
            free_bytes: the space on the disk; without it enough.
            unload_s: how long a model takes to leave.
            keep_alive_s: how long a model stays that nobody calls.
        """
        self.disk, self._pullable = dict(disk), dict(pullable or {})
        self._pull_s, self._free, self._unload_s, self._keep_alive_s = pull_s, free_bytes, unload_s, keep_alive_s
        self._loaded: dict[str, _Loaded] = {}
        self._loading = asyncio.Lock()
        self.loads: Counter[str] = Counter()
        self.unloads: Counter[str] = Counter()
        self.pulls: Counter[str] = Counter()
        """Begun."""
        self.peak_loaded = 0
        self.peak_bytes = 0
        self.cut = 0
        """So often a model that was busy was told to leave."""

    @property
    def loaded(self) -> list[str]:
        """What is in memory now."""
        self._expire()
        return list(self._loaded)

    @contextlib.asynccontextmanager
    async def running(self, model: str, *, keep_alive: object) -> AsyncGenerator[float]:
        """A call to a model, which is loaded first; yields the seconds that took."""
        name, began = tagged(model), time.monotonic()
        if (held := self._loaded.get(name)) is None:
            held = await self._load(name)
        held.busy += 1
        try:
            yield time.monotonic() - began
        finally:
            held.busy -= 1
            held.until = time.monotonic() + (float(keep_alive) if isinstance(keep_alive, int | float) else self._keep_alive_s)
            if held.is_leaving or keep_alive == 0:
                self._leave(name)

    async def _load(self, name: str) -> _Loaded:
        async with self._loading:
            self._expire()
            if name not in self._loaded:
                await asyncio.sleep(self.disk[name].load_s)
                self._loaded[name] = _Loaded()
                self.loads[name] += 1
                self.peak_loaded = max(self.peak_loaded, len(self._loaded))
                self.peak_bytes = max(self.peak_bytes, sum(self.disk[one].takes for one in self._loaded))
            self._loaded[name].until = time.monotonic() + self._keep_alive_s
            return self._loaded[name]

    def has(self, model: str) -> bool:
        """Whether it is on the disk."""
        return tagged(model) in self.disk

    async def serve(self, request: HttpRequest, out: Connection) -> bool:
        """Answer a request that is about the memory or the disk; false for any other."""
        match (request.method, request.path):
            case ("GET", "/api/tags"):
                out.respond(200, _JSON, _listing([_entry(name, stored.size_bytes) for name, stored in self.disk.items()]))
            case ("GET", "/api/ps"):
                out.respond(200, _JSON, _listing([self._resident(name) for name in self.loaded]))
            case ("POST", "/api/generate"):
                await self._generate(msgspec.json.decode(request.body), out)
            case ("POST", "/api/pull"):
                await self._pull(msgspec.json.decode(request.body), out)
            case _:
                return False
        return True

    async def _generate(self, body: Mapping[str, Any], out: Connection) -> None:
        """Load or unload: an empty prompt is all that is known here."""
        name = tagged(body["model"])
        if name not in self.disk:
            out.respond(404, _JSON, msgspec.json.encode({"error": f"model '{body['model']}' not found"}))
            return
        if body.get("keep_alive") != 0:
            async with self.running(name, keep_alive=body.get("keep_alive")):
                pass
        elif (held := self._loaded.get(name)) is not None:
            self.cut += held.busy > 0
            held.is_leaving = True
            if not held.busy:
                asyncio.get_running_loop().call_later(self._unload_s, self._leave, name)
        reason = "unload" if body.get("keep_alive") == 0 else "load"
        said = {"model": body["model"], "created_at": _TIME, "response": "", "done": True, "done_reason": reason}
        out.respond(200, _JSON, msgspec.json.encode(said))

    async def _pull(self, body: Mapping[str, Any], out: Connection) -> None:
        name = tagged(body["model"])
        self.pulls[name] += 1
        out.start({"content-type": "application/x-ndjson"})
        out.write(_line({"status": "pulling manifest"}))
        stored = self._pullable.get(name)
        if stored is None:
            out.write(_line({"error": "pull model manifest: file does not exist"}) + END)
            return
        digest = "sha256:" + "a" * 64
        for step in range(_STEPS + 1):
            done = stored.size_bytes * step // _STEPS
            if self._free is not None and done > self._free:
                out.write(_line({"error": f"write /models/blobs/{digest}-partial: no space left on device"}) + END)
                return
            out.write(_line({"status": f"pulling {'a' * 12}", "digest": digest, "total": stored.size_bytes, "completed": done}))
            await asyncio.sleep(self._pull_s / _STEPS)
        self.disk[name] = stored
        ending = ("verifying sha256 digest", "writing manifest", "removing unused layers", "success")
        out.write(b"".join(_line({"status": status}) for status in ending) + END)

    def _leave(self, name: str) -> None:
        held = self._loaded.get(name)
        if held is not None and not held.busy:
            del self._loaded[name]
            self.unloads[name] += 1

    def _expire(self) -> None:
        now = time.monotonic()
        for name in [name for name, held in self._loaded.items() if held.until <= now and not held.busy]:
            self._leave(name)

    def _resident(self, name: str) -> dict[str, Any]:
        left_s = self._loaded[name].until - time.monotonic()
        until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=left_s)
        size = self.disk[name].takes
        return _entry(name, size) | {"size_vram": size, "expires_at": until.isoformat(), "context_length": 4096}


def tagged(model: str) -> str:
    """As Ollama lists it."""
    return model if ":" in model else f"{model}:latest"


def _entry(name: str, size: int) -> dict[str, Any]:
    details = {"format": "gguf", "family": "llama", "families": ["llama"], "parameter_size": "8.0B", "quantization_level": "Q4_K_M"}
    return {"name": name, "model": name, "modified_at": _TIME, "size": size, "digest": "0" * 64, "details": details}


def _listing(entries: list[dict[str, Any]]) -> bytes:
    return msgspec.json.encode({"models": entries})


def _line(value: dict[str, Any]) -> bytes:
    return chunk(msgspec.json.encode(value) + b"\n")
