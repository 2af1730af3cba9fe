"""Makes calls and reads what backends answer to them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import msgspec

from routebook.backends.base import Backend
from routebook.backends.chaos.server import ChaosServer
from routebook.backends.registry import open_backend
from routebook.config.scripted import Chaos, Fault
from routebook.config.values import Provider
from routebook.messages import Call, Delta, Finish, Message, Params

KEY = "sk-test-0123456789abcdef"
WIRES = ("openai", "anthropic", "gemini", "ollama")


def call(text: str = "hello there", *, system: str | None = None, params: Params | None = None, **more: Any) -> Call:  # noqa: ANN401  fields of Call
    """A call with one prompt."""
    messages = (*((Message(role="system", content=system),) if system else ()), Message(role="user", content=text))
    return Call(**{"model_id": "m", "messages": messages, "params": params or Params(), **more})


class Got(NamedTuple):
    """What a backend answered."""

    text: str
    thinking: str
    finish: Finish
    deltas: tuple[Delta, ...]


async def collect(backend: Backend, of: Call) -> Got:
    """Read one answer to its end."""
    deltas: list[Delta] = []
    finishes: list[Finish] = []
    async with contextlib.aclosing(backend.stream(of)) as events:
        async for event in events:
            if isinstance(event, Delta):
                assert not finishes, "a delta came after the finish"
                deltas.append(event)
            else:
                finishes.append(event)
    [finish] = finishes
    text = "".join(delta.text for delta in deltas if delta.kind == "text")
    return Got(text, "".join(delta.text for delta in deltas if delta.kind == "thinking"), finish, tuple(deltas))


@contextlib.asynccontextmanager
async def served(
    wire: str = "openai",
    *,
    faults: Sequence[Fault] = (),
    key: str | None = KEY,
    script: Chaos | None = None,
    server_key: str | None = None,
    **options: Any,  # noqa: ANN401  of ChaosServer
) -> AsyncIterator[tuple[ChaosServer, Backend]]:
    """A scripted server and a backend in front of it; `server_key` is what the server asks for, `key` what the backend sends."""
    chaos = msgspec.structs.replace(script or Chaos(), wire=wire, faults=tuple(faults))
    server = ChaosServer(chaos, key=server_key, **options)
    await server.start()
    backend = open_backend("acme", Provider(kind=wire, base_url=server.url), key=key, models={})  # type: ignore[arg-type] # a wire's name is a kind
    try:
        yield server, backend
    finally:
        await backend.aclose()
        await server.aclose()
