"""For users' own tests: a server on loopback that speaks a provider's wire format and answers, or misbehaves, as told.

from routebook import testing

with testing.ScriptedServer(wire="openai", reply="Four.") as server:
...                              # base_url = server.url in routing.toml, any key
assert server.seen.attempts == 1
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Literal, Self

import msgspec

from routebook.backends.chaos.allowance import Allowance
from routebook.backends.chaos.memory import Memory, Stored
from routebook.backends.chaos.seen import Seen, SeenCall
from routebook.backends.chaos.server import ChaosServer
from routebook.backends.chaos.wire import WaitForm
from routebook.config.scripted import Chaos, Fault, ScriptedCall

__all__ = ["Allowance", "Chaos", "Fault", "Memory", "ScriptedCall", "ScriptedServer", "Seen", "SeenCall", "Stored"]

WireName = Literal["openai", "anthropic", "gemini", "ollama"]


class ScriptedServer:
    """A scripted server on a thread of its own, for the length of a `with` block. No key is needed unless one is given."""

    def __init__(
        self,
        *,
        wire: WireName = "openai",
        reply: str | None = None,
        faults: Sequence[Fault] = (),
        script: Chaos | None = None,
        calls: Sequence[Sequence[ScriptedCall]] = (),
        models: Mapping[str, Chaos] | None = None,
        key: str | None = None,
        rpm: int | None = None,
        max_concurrent: int | None = None,
        limits: Mapping[str, Allowance] | None = None,
        memory: Memory | None = None,
        random_usage: bool = False,
        wait_forms: Sequence[WaitForm] = (),
        keep: int = 10_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare a server; entering the block opens its port.

        Args:
            wire: the wire format that `url` is for.
            reply: the answer; without it words made from the script's seed.
            faults: what goes wrong.
            script: all the rest of it; `wire`, `reply`, `faults` and `calls` go on top.
            calls: the tools it asks for, before each set of results in turn, where a request has tools; then it answers.
            models: scripts of their own by model id; also the models it lists.
            key: refuse requests without it.
            rpm: answer 429 to more calls a minute, and count them in `seen.over_limit`.
            max_concurrent: answer 429 to more calls at once, and count them.
            limits: the same of single models, by their ids.
            memory: an Ollama's disk and memory: it loads, unloads and pulls, and counts what was loaded at once.
            random_usage: report tokens drawn from the seed.
            wait_forms: the ways in which a 429 states its time, in turn.
            keep: how many calls `seen` keeps the details of.
            clock: what it dates its failures by; a wrong one is a fault too.
        """
        chaos = msgspec.structs.replace(script or Chaos(), wire=wire)
        if reply is not None:
            chaos = msgspec.structs.replace(chaos, reply=reply)
        if faults:
            chaos = msgspec.structs.replace(chaos, faults=tuple(faults))
        if calls:
            chaos = msgspec.structs.replace(chaos, calls=tuple(map(tuple, calls)))
        self._server = ChaosServer(
            chaos,
            models=models,
            key=key,
            rpm=rpm,
            max_concurrent=max_concurrent,
            limits=limits,
            memory=memory,
            random_usage=random_usage,
            wait_forms=wait_forms,
            keep=keep,
            clock=clock,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="routebook-scripted-server", daemon=True)

    @property
    def url(self) -> str:
        """The `base_url` of a provider of the wire format's kind."""
        return self._server.url

    def url_for(self, wire: WireName) -> str:
        """Return the `base_url` for another wire format: the server speaks all of them."""
        return self._server.url_for(wire)

    @property
    def seen(self) -> Seen:
        """What has reached the server so far."""
        return self._server.seen

    @property
    def memory(self) -> Memory | None:
        """The memory it was given: what is loaded, and what was."""
        return self._server.memory

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._server.aclose(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
