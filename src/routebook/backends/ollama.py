"""Ollama, through its official client on top of our own connections.

Sources: Ollama's API documentation and server sources (0.33), and the client's (0.6). The client is only given a transport, so the wall,
the limits and the errors are ours; its own headers never leave, because it would send `$OLLAMA_API_KEY` to any host.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import msgspec

from routebook.backends.base import Found
from routebook.backends.counts import as_object, count
from routebook.backends.http import Http
from routebook.backends.listing import LIST_CONNECT_S
from routebook.backends.ollama_host import host_url
from routebook.backends.residents import Pulled, Resident
from routebook.backends.translate import Translator
from routebook.backends.unreadable import UNREADABLE
from routebook.backends.waits import Clock
from routebook.config.values import Model, Provider
from routebook.messages import Call, Delta, Finish

_HINTS: Final = {
    "overflow": "Set context of the model in routing.toml: Ollama then gets a window as large as the prompt needs.",
    "not_found": "Fetch it first: ollama pull NAME",
}


class OllamaBackend:
    """Speaks Ollama's chat; see `Backend`."""

    def __init__(self, name: str, provider: Provider, *, key: str | None, models: Mapping[str, Model], clock: Clock) -> None:
        """Without a `base_url` the address is `$OLLAMA_HOST`, read as Ollama reads it; a key is sent only where one is configured."""
        self._errors = Translator(name, clock=clock, secret=key, hints=_HINTS)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        url = host_url(provider.base_url or os.environ.get("OLLAMA_HOST", ""))
        self._http = Http(url, headers={**headers, **provider.headers}, errors=self._errors, hint="Start Ollama: ollama serve")
        self._contexts = {model.id: model.context for model in models.values() if model.context}

    def stream(self, call: Call) -> AsyncGenerator[Delta | Finish]:
        """See `Backend.stream`."""
        from routebook.backends.ollama_chat import chat  # the official client is loaded with the first call, not to look for models

        return chat(self._http, call, context=self._contexts.get(call.model_id))

    async def list_models(self, *, local: bool = False) -> list[Found]:
        """See `Backend.list_models`; tells sizes, parameters and what is loaded."""
        tags, loaded = await asyncio.gather(self._get("/api/tags", local=local), self._get("/api/ps", local=local))
        names = {entry.get("name") for entry in loaded}
        return [
            _found(entry, is_loaded=entry.get("name") in names) for entry in tags if isinstance(entry.get("name"), str) and _answers(entry)
        ]

    async def residents(self, *, local: bool) -> list[Resident]:
        """See `Residents.residents`."""
        from routebook.backends.ollama_memory import resident

        found = map(resident, await self._get("/api/ps", local=local))
        return [one for one in found if one is not None]

    async def sizes(self, *, local: bool) -> Mapping[str, int]:
        """See `Residents.sizes`."""
        from routebook.backends.ollama_memory import sizes

        return sizes(await self._get("/api/tags", local=local))

    async def unload(self, model_id: str, *, local: bool) -> None:
        """See `Residents.unload`."""
        from routebook.backends.ollama_memory import unload

        await unload(self._http, model_id, local=local)

    def pull(self, model_id: str, *, local: bool) -> AsyncGenerator[Pulled]:
        """See `Residents.pull`."""
        from routebook.backends.ollama_memory import pull

        return pull(self._http, model_id, local=local)

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self._http.aclose()

    async def _get(self, path: str, *, local: bool) -> list[dict[str, Any]]:
        reply = await self._http.send(path, local=local, connect_s=LIST_CONNECT_S)
        async with contextlib.aclosing(reply):
            body = await reply.read()
        try:
            models = as_object(msgspec.json.decode(body)).get("models")
        except UNREADABLE as error:
            raise self._errors.malformed(body, error) from error
        return [entry for entry in models if isinstance(entry, dict)] if isinstance(models, list) else []


def _answers(entry: Mapping[str, Any]) -> bool:
    """Leave out models that only embed; older servers do not tell."""
    abilities = entry.get("capabilities")
    return not isinstance(abilities, list) or "completion" in abilities


def _found(entry: Mapping[str, Any], *, is_loaded: bool) -> Found:
    parameters = as_object(entry.get("details")).get("parameter_size")
    return Found(
        id=entry["name"],
        size_bytes=count(entry.get("size")),
        parameters=parameters if isinstance(parameters, str) and parameters else None,
        is_loaded=is_loaded,
    )
