"""This machine at a glance: its memory, what is loaded, what fits, what each model takes and how fast it wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Literal

from routebook.books.speeds import tokens_per_s
from routebook.config.sense import RESIDENT_KINDS
from routebook.config.values import is_cloud_model, provider_tier
from routebook.engine.machine.machine import GB
from routebook.engine.machine.memory import machine_bytes
from routebook.engine.machine.sight import Sight
from routebook.engine.runtime import Runtime
from routebook.messages import Value
from routebook.plan.room import tagged

Fit = Literal["loaded", "fits", "too large", "not there", ""]


class ModelHere(Value, frozen=True, kw_only=True):
    """One model of this machine."""

    name: str
    """As in `routing.toml`; empty for one that others have loaded."""
    id: str
    provider: str
    size_bytes: int | None
    """In memory, as seen there, configured, or guessed by its file."""
    fit: Fit
    """Empty when nobody knows what it takes."""
    load_s: float | None
    """What loading takes, by what was seen, else by its size; `None` where nothing is known."""
    tokens_per_s: float | None
    """As seen in the books."""


class Place(Value, frozen=True, kw_only=True):
    """What one provider has in memory."""

    provider: str
    loaded: int
    max_loaded: int | None
    taken_bytes: int
    max_bytes: int | None
    trouble: str
    """Why it is not known; empty when all is well."""


class Overview(Value, frozen=True, kw_only=True):
    """The machine."""

    total_bytes: int | None
    """Its memory; `None` when the system does not say."""
    models: tuple[ModelHere, ...]
    places: tuple[Place, ...]


async def overview(runtime: Runtime) -> Overview:
    """Look at the memory now, whether it has a limit or not; a provider that does not answer costs 1.5 s at most.

    Raises:
        BooksError: the books cannot be read.
    """
    providers = [name for name, provider in runtime.config.providers.items() if provider_tier(provider) == "local"]
    asked = [name for name in providers if runtime.config.providers[name].kind in RESIDENT_KINDS]
    found = await asyncio.gather(*(runtime.machine.look(name) for name in asked))
    sights = {name: sight for name, sight in zip(asked, found, strict=True) if sight is not None}
    speeds = await asyncio.to_thread(runtime.books.read, tokens_per_s)
    total = machine_bytes()
    lines = [line for name in providers for line in _models(runtime, name, sights.get(name), speeds=speeds, total=total)]
    return Overview(total_bytes=total, models=tuple(lines), places=tuple(_place(runtime, name, sight) for name, sight in sights.items()))


def _models(runtime: Runtime, provider: str, sight: Sight | None, *, speeds: dict[str, float], total: int | None) -> Iterator[ModelHere]:
    config, own = runtime.config, set[str]()
    sizes = runtime.machine.sizes(provider, sight)
    limit_gb = config.providers[provider].memory_gb
    most = min((limit for limit in (total, limit_gb and round(limit_gb * GB)) if limit), default=None)
    for name, entry in config.models.items():
        if entry.provider != provider or is_cloud_model(config.providers[provider], entry.id):
            continue
        model = tagged(entry.id)
        own.add(model)
        size = sizes.get(model) or None
        if sight is not None or size is not None:
            yield ModelHere(
                name=name, id=entry.id, provider=provider, size_bytes=size, fit=_fit(model, size, sight, most=most),
                load_s=runtime.machine.load_s(provider, model, size or 0), tokens_per_s=speeds.get(name),
            )  # fmt: skip
    for model in sight.loaded if sight is not None else ():
        if model not in own:
            yield ModelHere(
                name="", id=model, provider=provider, size_bytes=sizes.get(model), fit="loaded", load_s=None, tokens_per_s=None
            )  # fmt: skip


def _fit(model: str, size: int | None, sight: Sight | None, *, most: int | None) -> Fit:
    if sight is not None and model in sight.loaded:
        return "loaded"
    if sight is not None and not sight.trouble and sight.sizes and model not in sight.sizes:
        return "not there"
    if size is None or most is None:
        return ""
    return "fits" if size <= most else "too large"


def _place(runtime: Runtime, name: str, sight: Sight) -> Place:
    provider, sizes = runtime.config.providers[name], runtime.machine.sizes(name, sight)
    return Place(
        provider=name,
        loaded=len(sight.loaded),
        max_loaded=provider.max_loaded,
        taken_bytes=sum(sizes.get(model, 0) for model in sight.loaded),
        max_bytes=None if provider.memory_gb is None else round(provider.memory_gb * GB),
        trouble=sight.trouble,
    )
