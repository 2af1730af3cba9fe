"""`kind = "chaos"`: a scripted server inside the process, and the backend of its wire format in front of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping

import msgspec

from routebook.backends.base import Backend, Found
from routebook.backends.chaos.seen import Seen
from routebook.backends.chaos.server import ChaosServer
from routebook.backends.registry import open_backend
from routebook.backends.waits import Clock
from routebook.config.scripted import Chaos
from routebook.config.values import Model, Provider
from routebook.messages import Call, Delta, Finish


class ChaosBackend:
    """Starts its server with the first call, on the loop of that call; see `Backend`."""

    def __init__(self, name: str, provider: Provider, *, key: str | None, models: Mapping[str, Model], clock: Clock) -> None:  # noqa: ARG002 - one signature for all kinds
        """A model without a script of its own has the provider's."""
        script = provider.chaos or Chaos()
        self._name, self._clock, self._provider = name, clock, provider
        self._wire = script.wire
        self._server = ChaosServer(script, models={model.id: model.chaos or script for model in models.values()})
        self._models = {model_name: msgspec.structs.replace(model, chaos=None) for model_name, model in models.items()}
        self._starting = asyncio.Lock()
        self._backend: Backend | None = None

    @property
    def seen(self) -> Seen:
        """What the server has seen."""
        return self._server.seen

    async def stream(self, call: Call) -> AsyncGenerator[Delta | Finish]:
        """See `Backend.stream`."""
        backend = await self._ready()
        async with contextlib.aclosing(backend.stream(call)) as events:
            async for event in events:
                yield event

    async def list_models(self, *, local: bool = False) -> list[Found]:
        """See `Backend.list_models`."""
        return await (await self._ready()).list_models(local=local)

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        if self._backend is not None:
            await self._backend.aclose()
        await self._server.aclose()

    async def _ready(self) -> Backend:
        async with self._starting:
            if self._backend is None:
                await self._server.start()
                inner = Provider(kind=self._wire, base_url=self._server.url, headers=self._provider.headers)
                self._backend = open_backend(self._name, inner, key=None, models=self._models, clock=self._clock)
            return self._backend
