"""Admission: so many at once for each model and each provider, the rest in a queue by priority.

A waiting request's rank is the time it came plus a handicap for its priority, so the queue ages by itself: a P3 that waited
three handicaps stands level with a P0 that comes now, and no request waits for ever.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from routebook.config.values import Config
from routebook.messages import PRIORITIES, Priority

HANDICAP_S: Final = 20.0
"""Seconds by which one level of priority overtakes the next."""

Place = Callable[[int], None]


class Gate:
    """Lets `capacity` callers in at once; the others wait by rank, first come first served within a priority."""

    def __init__(self, capacity: int, *, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that only go up."""
        self.capacity, self._clock = capacity, clock
        self.inside = 0
        self._waiting: list[tuple[float, int, asyncio.Future[None], Place]] = []
        self._count = itertools.count()

    @property
    def queue(self) -> int:
        """How many wait."""
        return sum(not entry[2].done() for entry in self._waiting)

    async def enter(self, priority: Priority, *, on_place: Place) -> None:
        """Return when inside; whoever enters must `leave`. `on_place` is told the place in the queue (1 is next) as it changes."""
        if self.inside < self.capacity and not self._waiting:
            self.inside += 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        rank = self._clock() + HANDICAP_S * PRIORITIES.index(priority)
        heapq.heappush(self._waiting, (rank, next(self._count), future, on_place))
        self._tell_places()
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # let in and cancelled in the same moment: pass the place on
                self.leave()
            else:
                self._forget(future)
            raise

    def leave(self) -> None:
        """Give the place to the next in the queue."""
        self.inside -= 1
        while self._waiting and self.inside < self.capacity:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                self.inside += 1
                future.set_result(None)
        self._tell_places()

    def _forget(self, future: asyncio.Future[None]) -> None:
        self._waiting = [entry for entry in self._waiting if entry[2] is not future]
        heapq.heapify(self._waiting)
        self._tell_places()

    def _tell_places(self) -> None:
        for place, entry in enumerate(sorted(self._waiting, key=lambda entry: entry[:2]), start=1):
            entry[3](place)


class Gates:
    """The gates of all models and providers that have a `max_concurrent`."""

    def __init__(self, config: Config, *, clock: Callable[[], float]) -> None:
        """A model or provider without a limit has no gate."""
        self._models = _gates(config.models, clock)
        self._providers = _gates(config.providers, clock)

    def queue(self, model: str, provider: str) -> int:
        """How many wait for a model, or for its provider."""
        return sum(gate.queue for gate in (self._models.get(model), self._providers.get(provider)) if gate)

    @asynccontextmanager
    async def place(self, model: str, provider: str, *, priority: Priority, on_place: Place) -> AsyncIterator[None]:
        """Hold a place at the model and at its provider until the block ends: until the stream ends, not until it begins."""
        gates = [gate for gate in (self._models.get(model), self._providers.get(provider)) if gate]
        entered: list[Gate] = []
        try:
            for gate in gates:
                await gate.enter(priority, on_place=on_place)
                entered.append(gate)
            yield
        finally:
            for gate in reversed(entered):
                gate.leave()


def _gates(limited: Mapping[str, object], clock: Callable[[], float]) -> dict[str, Gate]:
    return {
        name: Gate(most, clock=clock) for name, entry in limited.items() if (most := getattr(entry, "max_concurrent", None)) is not None
    }
