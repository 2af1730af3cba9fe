"""llama.cpp servers that Routebook starts and stops, one for each model; they speak Chat Completions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Final

import msgspec

from routebook.backends.base import Found
from routebook.backends.llamacpp_launch import Launch
from routebook.backends.llamacpp_server import LlamaServer
from routebook.backends.openai import OpenAIBackend
from routebook.backends.residents import Pulled, Resident
from routebook.backends.waits import Clock
from routebook.config.values import Model, Provider
from routebook.errors import ProviderError, PullFailed
from routebook.messages import Call, Delta, Finish

_WITH_CONTEXT: Final = 1.1


class LlamaCppBackend:
    """Starts a model's server with its first call, unless one answers on its port already; see `Backend`."""

    def __init__(self, name: str, provider: Provider, *, key: str | None, models: Mapping[str, Model], clock: Clock) -> None:
        """Each model has its own file and port."""
        self._name, self._provider, self._clock = name, provider, clock
        self._servers = {
            model.id: LlamaServer(
                Launch(name=model_name, model=model, command=provider.command), provider=name, key=key, clock=clock
            )
            for model_name, model in models.items()
        }  # fmt: skip
        self._backends: dict[str, tuple[str | None, OpenAIBackend]] = {}
        """By model id, each with the key it was made for."""

    async def stream(self, call: Call) -> AsyncGenerator[Delta | Finish]:
        """See `Backend.stream`; the time that the server took to start is in the finish's `timings` as `load_s`."""
        server = self._servers[call.model_id]
        load_s = await server.start()
        link, backend = server.link, await self._before(call.model_id, server)
        try:
            async with contextlib.aclosing(backend.stream(call)) as events:
                async for event in events:
                    yield _with_load(event, load_s) if load_s and isinstance(event, Finish) else event
        except ProviderError as error:
            explained = await server.explained(error, link=link)
            if explained is error:
                raise
            raise explained from error

    async def list_models(self, *, local: bool = False) -> list[Found]:  # noqa: ARG002 - it is always local
        """See `Backend.list_models`; starts nothing. Models are listed whose file or whose server is there.

        Raises:
            SetupNeeded: that is none of them.
        """
        found: list[Found] = []
        for model_id, server in self._servers.items():
            is_there, gguf = await server.look() in ("well", "loading"), server.launch.gguf
            if is_there or gguf.is_file():
                found.append(Found(id=model_id, size_bytes=gguf.stat().st_size if gguf.is_file() else None, is_loaded=is_there))
        if not found and self._servers:
            next(iter(self._servers.values())).launch.argv()
        return found

    async def residents(self, *, local: bool) -> list[Resident]:  # noqa: ARG002 - it is always local
        """See `Residents`: the models whose servers Routebook started, in this kernel or another."""
        there = await asyncio.gather(*(server.is_resident() for server in self._servers.values()))
        return [Resident(id=model_id) for model_id, is_there in zip(self._servers, there, strict=True) if is_there]

    async def sizes(self, *, local: bool) -> Mapping[str, int]:  # noqa: ARG002 - as above
        """See `Residents`: a file and a tenth of it, for the context."""
        sizes = {model_id: _size_bytes(server) for model_id, server in self._servers.items()}
        return {model_id: size for model_id, size in sizes.items() if size is not None}

    async def unload(self, model_id: str, *, local: bool) -> None:  # noqa: ARG002 - as above
        """See `Residents`: a server that somebody else started is left alone."""
        server = self._servers.get(model_id) or self._servers.get(model_id.removesuffix(":latest"))  # as memory is counted by
        if server is not None:
            await server.stop()

    async def pull(self, model_id: str, *, local: bool) -> AsyncGenerator[Pulled]:  # noqa: ARG002 - as above
        """See `Residents`: files are put there by hand."""
        raise PullFailed(f"{model_id}: a llama.cpp server's file is not fetched by Routebook. Put it where gguf says.")
        yield Pulled(status="")  # a generator, as the interface has it

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        for _, backend in self._backends.values():
            await backend.aclose()
        self._backends = {}
        for server in self._servers.values():
            await server.aclose()

    async def _before(self, model_id: str, server: LlamaServer) -> OpenAIBackend:
        """The backend in front of a server; a server that was started again has another key."""
        key, old = self._backends.get(model_id, (None, None))
        if old is not None and key == server.key:
            return old
        inner = Provider(kind="openai", base_url=f"{server.url}/v1", headers=self._provider.headers)
        backend = OpenAIBackend(self._name, inner, key=server.key, models={}, clock=self._clock)
        self._backends[model_id] = server.key, backend
        if old is not None:
            await old.aclose()
        return backend


def _size_bytes(server: LlamaServer) -> int | None:
    """What its model takes in memory, about; `None` where its file is not here."""
    gguf = server.launch.gguf
    return int(gguf.stat().st_size * _WITH_CONTEXT) if gguf.is_file() else None


def _with_load(finish: Finish, load_s: float) -> Finish:
    return msgspec.structs.replace(finish, timings={"load_s": load_s, **finish.timings})
