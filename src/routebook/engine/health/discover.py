"""Ask the discovering providers which models they have, and add them to the config."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from routebook.backends.base import Found
from routebook.config.values import Config, Model, Timeouts
from routebook.errors import RoutebookError

if TYPE_CHECKING:  # the runtime calls this module
    from routebook.engine.runtime import Runtime

PATIENCE_S: Final = 1.5
"""A local server answers in milliseconds; one that needs longer is treated as not there."""

LOADING: Final = Timeouts(first_token_s=180, total_s=600)
"""A cold model is read from disk before its first token; tens of gigabytes take minutes."""

_BILLIONS: Final = re.compile(r"([\d.]+)\s*([BMbm])")


async def discover(runtime: Runtime, names: Sequence[str] | None = None) -> Config:
    """Return the config with the models that were found; a provider that does not answer is marked unusable, with the reason.

    `names` are the providers to ask; without it all that discover and have their key.
    """
    if names is None:
        names = [name for name, provider in runtime.config.providers.items() if provider.discover and name not in runtime.known.unusable]
    found = await asyncio.gather(*(_ask(runtime, name) for name in names))
    models = dict(runtime.config.models)
    for name, listed in zip(names, found, strict=True):
        kind = runtime.config.providers[name].kind
        own = {model: entry.id for model, entry in models.items() if entry.provider == name}
        there = {one.id for one in listed}
        for model in own:
            runtime.known.missing.pop(model, None)
        if not runtime.config.providers[name].pull:
            runtime.known.missing.update(
                {model: _get(kind, id_) for model, id_ in own.items() if _tagged(id_) not in there and id_ not in there}
            )
        models.update(
            {f"{name}/{one.id}": _model(name, kind, one) for one in listed if not {one.id, _untagged(one.id)} & set(own.values())}
        )
    return msgspec.structs.replace(runtime.config, models=models)


async def _ask(runtime: Runtime, name: str) -> list[Found]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            found = await runtime.backend(name).list_models(local=runtime.config.providers[name].tier == "local")
    except TimeoutError:
        runtime.known.unusable[name] = f"{name} did not answer within {PATIENCE_S:g} s"
        return []
    except RoutebookError as error:
        runtime.known.unusable[name] = str(error)
        return []
    if found or runtime.config.providers[name].pull:
        runtime.known.unusable.pop(name, None)
    else:
        runtime.known.unusable[name] = f"{name} has no models yet"
    return found


def _model(provider: str, kind: str, found: Found) -> Model:
    """A model as far as its listing tells: memory by its size on disk plus a tenth for its context."""
    size_gb = found.size_bytes / 1e9 * 1.1 if found.size_bytes else _guessed_gb(found.parameters)
    return Model(provider=provider, id=found.id, memory_gb=size_gb, timeout=LOADING if kind == "ollama" else Timeouts())


def _tagged(model_id: str) -> str:
    """Ollama lists `llama3` as `llama3:latest`."""
    return model_id if ":" in model_id else f"{model_id}:latest"


def _untagged(model_id: str) -> str:
    return model_id.removesuffix(":latest")


def _get(kind: str, model_id: str) -> str:
    """What to do about a model that is not there."""
    return f"it is not pulled yet: ollama pull {model_id}" if kind == "ollama" else "its provider does not list it"


def _guessed_gb(parameters: str | None) -> float | None:
    """Gigabytes of a model by its parameter count, at the usual four to five bits a weight (0.6 bytes)."""
    match = _BILLIONS.search(parameters or "")
    return None if match is None else float(match[1]) * (1.0 if match[2] in "Bb" else 1e-3) * 0.6
