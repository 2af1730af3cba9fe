"""Warming up: a model that is slow the first time is asked for one word before it is needed, so that it is loaded by then."""

from __future__ import annotations

import contextlib
from typing import Final

from routebook.engine.health.word import word
from routebook.engine.runtime import Runtime
from routebook.engine.turn import Outcome
from routebook.errors import RoutebookError, UsageError
from routebook.messages import Value
from routebook.near import did_you_mean

PATIENCE_S: Final = 600.0
"""Tens of gigabytes take minutes to read."""


class Warmed(Value, frozen=True, kw_only=True):
    """How warming up one model went."""

    model: str
    ready_s: float | None
    """Seconds to its first word; `None` when none came."""
    trouble: str = ""


def warm_asked(runtime: Runtime) -> None:
    """Begin to warm up, beside whatever else goes on, the models whose entry says `warm = true`."""
    for name, model in runtime.config.models.items():
        if model.warm and model.provider not in runtime.known.unusable and name not in runtime.known.missing:
            runtime.beside(_quietly(runtime, name))


async def _quietly(runtime: Runtime, name: str) -> None:
    """What goes wrong stands in the books, where it came to a call, and the first prompt will tell."""
    with contextlib.suppress(RoutebookError):
        await _warm(runtime, name, reason="warm = true in routing.toml", is_modest=True)


async def warm(runtime: Runtime, name: str) -> tuple[Warmed, ...]:
    """Warm up a model, or those of a pool or a provider, one after the other: on one machine they share its disk.

    Raises:
        UsageError: there is none of that name.
    """
    with runtime.under_way():
        return tuple([await _report(runtime, model, reason=f"%route warm {name}") for model in _models_of(runtime, name)])


async def _report(runtime: Runtime, model: str, *, reason: str) -> Warmed:
    try:
        outcome = await _warm(runtime, model, reason=reason)
    except RoutebookError as error:
        return Warmed(model=model, ready_s=None, trouble=str(error))
    return Warmed(model=model, ready_s=outcome.attempt.ttft_s, trouble=str(outcome.error or ""))


async def _warm(runtime: Runtime, model: str, *, reason: str, is_modest: bool = False) -> Outcome:
    """With the model's own times, which are made for a slow start."""
    is_local = runtime.config.tier(model) == "local"
    return await word(
        runtime, model, kind="warmup", reason=reason, max_tokens=1, is_local=is_local, patience_s=PATIENCE_S, is_modest=is_modest
    )


def _models_of(runtime: Runtime, name: str) -> list[str]:
    config = runtime.config
    if name in config.models:
        return [name]
    names = config.pools[name].models if name in config.pools else (name,)
    found = [model for model, entry in config.models.items() if model in names or entry.provider in names]
    if not found:
        known = [*config.models, *config.pools, *config.providers]
        raise UsageError(f"There is no model, pool or provider {name!r} to warm up. {did_you_mean(name, known)}".rstrip())
    return found
