"""Discovering providers that were not there come back by themselves: the next prompts look for them again, by and by more seldom."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from routebook.config.prices import price_of
from routebook.engine.health.discover import discover

if TYPE_CHECKING:  # the runtime holds one
    from routebook.engine.runtime import Runtime

FIRST_S: Final = 2.0
"""The first look comes so soon: the user has just read that it is not there, and starts it."""
QUICK_S: Final = 0.1
"""A closed port answers within it."""
SELDOM_QUICK_S: Final = 10.0
"""A look that costs a millisecond may be taken every ten seconds."""
SELDOM_S: Final = 300.0
PATIENCE_S: Final = 0.3
"""So long the prompt that looks waits for the answer; after it the look goes on, and the next prompt has it."""


@dataclass(slots=True)
class _Absence:
    """When to look again."""

    at: float
    delay_s: float = FIRST_S


class Comeback:
    """Looks for what was missing when the router opened: providers, and models that were not pulled yet."""

    def __init__(self, runtime: Runtime) -> None:
        """Nothing is missing until `look` finds so."""
        self._runtime = runtime
        self._absences: dict[str, _Absence] = {}
        self._looking: asyncio.Task[None] | None = None

    async def look(self, *, now: bool = False) -> None:
        """Look for what is due, and wait a moment for it; `now` looks for everything and waits for the end of it."""
        known = self._runtime.known
        if not known.unusable and not known.missing:
            return
        if self._looking is None:
            names = self._due(now=now)
            if not names:
                return
            self._looking = self._runtime.beside(self._look(names))
        if now:
            await asyncio.wait([self._looking])
        else:
            await asyncio.wait([self._looking], timeout=PATIENCE_S)

    def _due(self, *, now: bool) -> list[str]:
        """The providers to look for, by what is missing."""
        runtime = self._runtime
        config, known, clock = runtime.config, runtime.known, runtime.known.clock()
        lacking = {config.models[model].provider for model in known.missing if model in config.models}
        wanted = [
            name
            for name, provider in config.providers.items()
            if provider.discover and name not in runtime.keys.missing and (name in known.unusable or name in lacking)
        ]
        self._absences = {name: self._absences.get(name) or _Absence(at=clock + FIRST_S) for name in wanted}
        return [name for name, absence in self._absences.items() if now or absence.at <= clock]

    async def _look(self, names: list[str]) -> None:
        runtime, known = self._runtime, self._runtime.known
        begun = known.clock()
        try:
            runtime.config = await discover(runtime, names)
            known.prices.update({name: price_of(runtime.config, name) for name in runtime.config.models if name not in known.prices})
        finally:
            self._looking = None
            took_s = known.clock() - begun
            for name in names:
                absence = self._absences[name]
                most_s = SELDOM_QUICK_S if took_s < QUICK_S else SELDOM_S
                absence.delay_s = min(absence.delay_s * 2, most_s) * (1 + 0.1 * runtime.rng.random())
                absence.at = known.clock() + absence.delay_s
