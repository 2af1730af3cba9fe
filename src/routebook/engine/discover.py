"""Ask the discovering providers which models they have, and add them to the config."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

import msgspec

from routebook.backends.base import Found
from routebook.config.values import Config, Model
from routebook.errors import RoutebookError

if TYPE_CHECKING:  # the runtime calls this module
    from routebook.engine.runtime import Runtime

PATIENCE_S: Final = 1.5
"""A local server answers in milliseconds; one that needs longer is treated as not there."""

_BILLIONS: Final = re.compile(r"([\d.]+)\s*([BMbm])")


async def discover(runtime: Runtime) -> Config:
    """Return the config with the models that were found; a provider that does not answer is marked unusable, with the reason."""
    names = [name for name, provider in runtime.config.providers.items() if provider.discover and name not in runtime.known.unusable]
    found = await asyncio.gather(*(_ask(runtime, name) for name in names))
    models = dict(runtime.config.models)
    for name, listed in zip(names, found, strict=True):
        taken = {model.id for model in models.values() if model.provider == name}
        models.update({f"{name}/{one.id}": _model(name, one) for one in listed if one.id not in taken})
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
    if not found:
        runtime.known.unusable[name] = f"{name} has no models yet"
    return found


def _model(provider: str, found: Found) -> Model:
    """A model as far as its listing tells: memory by its size on disk plus a tenth for its context."""
    size_gb = found.size_bytes / 1e9 * 1.1 if found.size_bytes else _guessed_gb(found.parameters)
    return Model(provider=provider, id=found.id, memory_gb=size_gb)


def _guessed_gb(parameters: str | None) -> float | None:
    """Gigabytes of a model by its parameter count, at the usual four to five bits a weight (0.6 bytes)."""
    match = _BILLIONS.search(parameters or "")
    return None if match is None else float(match[1]) * (1.0 if match[2] in "Bb" else 1e-3) * 0.6
