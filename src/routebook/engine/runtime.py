"""What a running router holds: config, backends, gates, books, and what is known of the models. Made and closed on the engine's loop."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from routebook.backends.base import Backend
from routebook.backends.registry import open_backend
from routebook.books.books import Books
from routebook.config.keys import Keys
from routebook.config.prices import price_of
from routebook.config.values import Budget, Config
from routebook.engine.admission import Gates
from routebook.engine.discover import discover
from routebook.plan.known import Known


@dataclass(slots=True)
class Runtime:
    """Everything one router runs on."""

    config: Config
    books: Books
    keys: Keys
    known: Known
    gates: Gates
    backends: dict[str, Backend] = field(default_factory=dict)
    rng: random.Random = field(default_factory=random.Random)

    def backend(self, provider: str) -> Backend:
        """The backend of a provider, made when first asked for."""
        found = self.backends.get(provider)
        if found is None:
            config = self.config
            models = {name: model for name, model in config.models.items() if model.provider == provider}
            secret = self.keys.get(provider)
            key = secret.reveal() if secret else None
            found = self.backends[provider] = open_backend(provider, config.providers[provider], key=key, models=models)
        return found

    async def aclose(self) -> None:
        """Close connections, child processes and the books; safe to call twice."""
        closing, self.backends = self.backends, {}
        await asyncio.gather(*(backend.aclose() for backend in closing.values()), return_exceptions=True)
        await asyncio.to_thread(self.books.close)


async def open_runtime(config: Config, *, folder: Path, books_path: str) -> Runtime:
    """Open the books, look for keys, and ask the discovering providers what they have.

    Raises:
        BooksError: the books cannot be opened.
    """
    books = Books(books_path, budgets=_budgets(config))
    keys = Keys(config, folder=folder)
    known = Known(clock=time.monotonic, unusable=keys.missing)
    runtime = Runtime(config=config, books=books, keys=keys, known=known, gates=Gates(config, clock=time.monotonic))
    runtime.config = await discover(runtime)
    runtime.gates = Gates(runtime.config, clock=time.monotonic)
    known.prices.update({name: price_of(runtime.config, name) for name in runtime.config.models})
    return runtime


def _budgets(config: Config) -> Mapping[str, Budget]:
    """The caps of `[budgets]`, and those that agents carry themselves."""
    own = {name: agent.budget for name, agent in config.agents.items() if agent.budget is not None}
    return {**config.budgets, **own}
