"""What a running router holds: config, backends, limits, books, and what is known of the models. Made and closed on the engine's loop."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from routebook.backends.base import Backend
from routebook.backends.registry import open_backend
from routebook.books.books import Books
from routebook.books.pools import token_pools
from routebook.config.keys import Keys
from routebook.config.prices import price_of
from routebook.config.values import Budget, Config, Price
from routebook.engine.admission.lanes import Lanes
from routebook.engine.admission.limits import Limits
from routebook.engine.admission.trials import Trials
from routebook.engine.alerts.alarms import Alarms
from routebook.engine.alerts.outlets import Outlet, outlets
from routebook.engine.cache.flights import Flights
from routebook.engine.health.comeback import Comeback
from routebook.engine.health.discover import discover
from routebook.engine.learning import outcomes
from routebook.engine.learning.experiments import Experiments
from routebook.engine.learning.fitting import open_fit
from routebook.engine.learning.learning import Learning
from routebook.engine.machine.machine import Machine
from routebook.engine.pipelines.numbers import Numbers
from routebook.engine.toolbox.chest import Chest
from routebook.engine.turn import Ended
from routebook.errors import UsageError
from routebook.plan.candidates import FEW
from routebook.plan.known import Known

T = TypeVar("T")

LONG_PROMPT: Final = 30_000
"""Tokens. No provider's price list has a step below 32,000."""
_CLOSED: Final = "The router was closed while this request was under way; what it cost is in the books. Ask again: that opens the router."


def utc_now() -> dt.datetime:
    """The time, in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass(slots=True)
class Runtime:
    """Everything one router runs on."""

    config: Config
    books: Books
    keys: Keys
    known: Known
    limits: Limits
    backends: dict[str, Backend] = field(default_factory=dict)
    rng: random.Random = field(default_factory=random.Random)
    trials: Trials = field(init=False)
    lanes: Lanes = field(init=False)
    """So many at once of a route."""
    comeback: Comeback = field(init=False)
    learning: Learning = field(init=False)
    alarms: Alarms = field(init=False)
    experiments: Experiments = field(init=False)
    chest: Chest = field(init=False)
    """The tools, and their servers."""
    machine: Machine = field(init=False)
    """The memory of this machine."""
    outlets: tuple[Outlet, ...] = ()
    """Where figures go besides the books."""
    is_closing: bool = False
    tasks: set[asyncio.Task[object]] = field(default_factory=set)
    """Those that have a request under way."""
    writing: set[asyncio.Task[tuple[str, ...]]] = field(default_factory=set)
    """Rows of attempts that are on their way to the books."""
    when_ended: list[Callable[[Ended], None]] = field(default_factory=list)
    """Each is called on the engine's loop with every request that is over; it must be quick, and must not raise."""
    flights: Flights = field(default_factory=Flights)
    """The calls that equal requests may share."""
    numbers: Numbers = field(default_factory=Numbers)
    """Of the attempts of requests that have steps."""
    now: Callable[[], dt.datetime] = utc_now
    """By it answers in the cache grow old."""

    def __post_init__(self) -> None:
        self.trials = Trials(self.known, rng=self.rng)
        self.lanes = Lanes(clock=self.limits.clock)
        self.comeback = Comeback(self)
        self.learning = Learning(self.books, self.known)
        self.alarms = Alarms(self)
        self.experiments = Experiments(self)
        self.chest = Chest(self.config, self.keys)
        self.machine = Machine(self)
        checked = frozenset(route.name for route in self.config.routes if route.on_low_quality is not None)
        self.when_ended.append(partial(outcomes.ended, self.learning, checked_routes=checked))

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Let the running task's request be ended, and waited for, by `aclose`.

        Raises:
            UsageError: it was ended so; its attempt is in the books.
        """
        task = asyncio.current_task()
        if self.is_closing or task is None:
            raise UsageError(_CLOSED)
        self.tasks.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if self.is_closing and task.uncancel() == 0:
                raise UsageError(_CLOSED) from None
            raise
        finally:
            self.tasks.discard(task)

    def beside(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do something that no request waits for; `aclose` ends it."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def backend(self, provider: str, *, model: str | None = None) -> Backend:
        """The backend of a provider, made when first asked for; a model with a key of its own has one of its own."""
        own = self.keys.of_model(model) if model is not None else None
        place = f"{provider}/{model}" if own else provider
        found = self.backends.get(place)
        if found is None:
            config = self.config
            models = {name: entry for name, entry in config.models.items() if entry.provider == provider}
            secret = own or self.keys.get(provider)
            key = secret.reveal() if secret else None
            found = self.backends[place] = open_backend(provider, config.providers[provider], key=key, models=models)
        return found

    def price(self, model: str, *, input_tokens: int | None) -> Price | None:
        """The price of a model for a prompt of so many tokens: some providers charge more for long ones."""
        found = self.known.prices.get(model)
        if found is None or (input_tokens or 0) < LONG_PROMPT:
            return found
        return price_of(self.config, model, input_tokens=input_tokens or 0)

    def highest(self, models: Sequence[str], *, input_tokens: int | None) -> Iterable[Price | None]:
        """Prices of which the dearest is that of the dearest of the models, for a prompt of so many tokens."""
        if len(models) > FEW and (input_tokens or 0) < LONG_PROMPT:
            return self.known.highest(frozenset(models))
        return (self.price(model, input_tokens=input_tokens) for model in models)

    async def aclose(self) -> None:
        """End what is under way, then close connections, child processes and the books; safe to call twice.

        Raises:
            BooksError: an attempt that ended could not be written.
        """
        self.is_closing = True
        self.limits.close()
        ending = self.tasks - {asyncio.current_task()}
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending)
        await self.chest.aclose()
        closing, self.backends = self.backends, {}
        await asyncio.gather(*(backend.aclose() for backend in closing.values()), return_exceptions=True)
        if self.writing:
            await asyncio.wait(self.writing)
        for outlet in self.outlets:
            outlet.close()
        await self.learning.settle()
        await self.books.aclose()


async def open_runtime(config: Config, *, folder: Path, books_path: str, books: Books | None = None) -> Runtime:
    """Open the books, or take those that are given; look for keys, and ask the discovering providers what they have.

    Raises:
        BooksError: the books cannot be opened.
    """
    if books is None:
        books = await asyncio.to_thread(Books, books_path, budgets=caps_of(config))  # another program may hold them
    keys = Keys(config, folder=folder)
    known = Known(clock=time.monotonic, unusable=keys.missing)
    known.missing.update(keys.missing_models)
    runtime = Runtime(config=config, books=books, keys=keys, known=known, limits=Limits(books=books, known=known))
    try:
        runtime.config = await discover(runtime)
        books.pools = token_pools(runtime.config)
        await runtime.limits.refresh(runtime.config)
        known.prices.update({name: price_of(runtime.config, name) for name in runtime.config.models})
        await runtime.machine.open()
        await runtime.learning.open()
        runtime.outlets = outlets(runtime)
        await runtime.experiments.open()
        await open_fit(runtime)
    except BaseException:
        await runtime.aclose()
        raise
    return runtime


def caps_of(config: Config) -> Mapping[str, Budget]:
    """The caps of `[budgets]`, and those that agents carry themselves."""
    own = {name: agent.budget for name, agent in config.agents.items() if agent.budget is not None}
    return {**config.budgets, **own}
