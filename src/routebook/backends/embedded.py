"""The embedded model: a very small one, or any GGUF file, in a child process that speaks Chat Completions."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import msgspec

from routebook.backends.base import Found
from routebook.backends.embedded_server import EmbeddedServer
from routebook.backends.openai import OpenAIBackend
from routebook.backends.waits import Clock
from routebook.backends.weights import Weights, find_weights
from routebook.config.values import Model, Provider
from routebook.messages import Call, Delta, Finish, Params

DEFAULT_ID: Final = "smollm2-135m"
DEFAULT_CONTEXT: Final = 2048
_MAX_TOKENS: Final = 512
_SAMPLING: Final[dict[str, Any]] = {"temperature": 0.2, "top_p": 0.9}
"""The best of six settings tried on SmolLM2-135M; with the penalty below it loops least and still says that 2 + 2 is 4."""
_EXTRA: Final = {"dry_multiplier": 0.8}


class EmbeddedBackend:
    """Starts its child with the first call; see `Backend`."""

    def __init__(self, name: str, provider: Provider, *, key: str | None, models: Mapping[str, Model], clock: Clock) -> None:  # noqa: ARG002 - one signature for all kinds
        """All models of the provider are the one file; the largest `context` among them is the window."""
        self._name, self._provider, self._clock = name, provider, clock
        self._ids = [model.id for model in models.values()] or [DEFAULT_ID]
        self._context = max((model.context for model in models.values() if model.context), default=DEFAULT_CONTEXT)
        self._server: EmbeddedServer | None = None
        self._weights: Weights | None = None
        self._backend: OpenAIBackend | None = None
        self._url = ""

    async def stream(self, call: Call) -> AsyncGenerator[Delta | Finish]:
        """See `Backend.stream`."""
        backend = await self._ready()
        is_default = self._weights is not None and self._weights.is_default
        known = msgspec.structs.replace(call, params=_params(call.params, is_default=is_default))
        async with contextlib.aclosing(backend.stream(known)) as events:
            async for event in events:
                yield event

    async def list_models(self, *, local: bool = False) -> list[Found]:  # noqa: ARG002 - it is always local
        """See `Backend.list_models`; starts nothing."""
        weights = find_weights(self._provider.gguf)
        size, is_running = weights.path.stat().st_size, self._server is not None and self._server.is_running
        parameters = "135M" if weights.is_default else None
        return [Found(id=name, size_bytes=size, parameters=parameters, is_loaded=is_running) for name in self._ids]

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        if self._backend is not None:
            await self._backend.aclose()
        if self._server is not None:
            await self._server.aclose()
        self._backend = self._server = None

    async def _ready(self) -> OpenAIBackend:
        """Start the child, or start it again after it died, and return the backend in front of it."""
        if self._server is None:
            self._weights = find_weights(self._provider.gguf)
            self._server = EmbeddedServer(self._weights.path, alias=self._ids[0], context=self._context, provider=self._name)
        server = self._server
        await server.start()
        if self._backend is None or self._url != server.url:
            self._url = server.url
            inner = Provider(kind="openai", base_url=f"{server.url}/v1")
            self._backend = OpenAIBackend(self._name, inner, key=server.key, models={}, clock=self._clock)
        return self._backend


def _params(params: Params, *, is_default: bool) -> Params:
    """Fill in what the request leaves open: always a limit, because without one a small model talks until its window is full."""
    filled: dict[str, Any] = {} if params.max_tokens is not None else {"max_tokens": _MAX_TOKENS}
    if is_default:
        filled |= {name: value for name, value in _SAMPLING.items() if getattr(params, name) is None}
        filled["extra"] = {**_EXTRA, **params.extra}
    return msgspec.structs.replace(params, **filled)
