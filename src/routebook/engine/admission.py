"""Admission: so many at once for each provider and each of its models, the rest in one queue by priority.

A waiting request's rank is the time it came plus a handicap for its priority, so the queue ages by itself: a P3 that waited
three handicaps stands level with a P0 that comes now, and no request waits for ever.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from routebook.config.values import Config
from routebook.messages import PRIORITIES, Priority

HANDICAP_S: Final = 20.0
"""Seconds by which one level of priority overtakes the next."""
FRONT: Final = 10
"""So many at the head of the queue are told of each step; those behind hear of every tenth of its length."""

Place = Callable[[int], None]


@dataclass(slots=True, eq=False)
class _Ticket:
    """One that waits."""

    rank: tuple[float, int]
    model: str
    future: asyncio.Future[None]
    on_place: Place
    told: int = 0

    def tell(self, place: int) -> None:
        if place != self.told:
            self.told = place
            self.on_place(place)


class Gate:
    """Lets `capacity` callers in at once, and for a model no more than its own; the others wait by rank, first come first served in it.

    A place is given only where all limits have room, so nobody holds a place of one limit while waiting at another.
    """

    def __init__(self, capacity: int | None, *, models: Mapping[str, int] | None = None, clock: Callable[[], float]) -> None:
        """`capacity` over all, `None` for no limit; `models` has the limits by model; `clock` gives seconds that only go up."""
        self.capacity, self._models, self._clock = capacity, dict(models or {}), clock
        self.inside = 0
        self._inside_by_model: Counter[str] = Counter()
        self._waiting: list[_Ticket] = []
        self._count = itertools.count()
        self._steps = 0

    @property
    def queue(self) -> int:
        """How many wait."""
        return sum(not ticket.future.done() for ticket in self._waiting)

    async def enter(self, model: str, *, priority: Priority, on_place: Place) -> None:
        """Return when inside; whoever enters must `leave`. `on_place` is told the place in the queue (1 is next) as it changes."""
        if self._has_room(model):  # whoever waits has none: `leave` lets in all that have
            self._take(model)
            return
        rank = (self._clock() + HANDICAP_S * PRIORITIES.index(priority), next(self._count))
        ticket = _Ticket(rank, model, asyncio.get_running_loop().create_future(), on_place)
        at = bisect.bisect(self._waiting, rank, key=_rank)
        self._waiting.insert(at, ticket)
        ticket.tell(at + 1)
        self._moved(since=at + 1)
        try:
            await ticket.future
        except asyncio.CancelledError:
            if ticket.future.done() and not ticket.future.cancelled():  # let in and cancelled in the same moment: pass the place on
                self.leave(model)
            else:
                self._forget(ticket)
            raise

    def leave(self, model: str) -> None:
        """Give the place to the first in the queue who has room."""
        self.inside -= 1
        self._inside_by_model[model] -= 1
        at = 0
        while at < len(self._waiting) and not self._is_full:
            ticket = self._waiting[at]
            if ticket.future.done():
                del self._waiting[at]
            elif self._has_room(ticket.model):
                del self._waiting[at]
                self._take(ticket.model)
                ticket.future.set_result(None)
            else:
                at += 1
        self._moved()

    @property
    def _is_full(self) -> bool:
        return self.capacity is not None and self.inside >= self.capacity

    def _has_room(self, model: str) -> bool:
        most = self._models.get(model)
        return not self._is_full and (most is None or self._inside_by_model[model] < most)

    def _take(self, model: str) -> None:
        self.inside += 1
        self._inside_by_model[model] += 1

    def _forget(self, ticket: _Ticket) -> None:
        at = bisect.bisect_left(self._waiting, ticket.rank, key=_rank)
        if at < len(self._waiting) and self._waiting[at] is ticket:
            del self._waiting[at]
            self._moved(since=at)

    def _moved(self, *, since: int = 0) -> None:
        """Tell the new places: each time to the head, to all after so many steps that a long queue costs no more than a short one."""
        if since >= len(self._waiting):
            return
        self._steps += 1
        is_for_all = self._steps * FRONT >= len(self._waiting)
        if is_for_all:
            self._steps = 0
        for at in range(since, len(self._waiting) if is_for_all else min(FRONT, len(self._waiting))):
            self._waiting[at].tell(at + 1)


def _rank(ticket: _Ticket) -> tuple[float, int]:
    return ticket.rank


class Gates:
    """The gates of all providers and models that have a `max_concurrent`."""

    def __init__(self, config: Config, *, clock: Callable[[], float]) -> None:
        """The models of a provider with a limit share its gate; of the others each with a limit has its own."""
        self._gates: dict[str, Gate] = {}
        for name, provider in config.providers.items():
            own = [model for model, entry in config.models.items() if entry.provider == name]
            limits = {model: most for model in own if (most := config.models[model].max_concurrent) is not None}
            if provider.max_concurrent is not None:
                shared = Gate(provider.max_concurrent, models=limits, clock=clock)
                self._gates.update(dict.fromkeys(own, shared))
            else:
                self._gates.update({model: Gate(most, clock=clock) for model, most in limits.items()})

    @asynccontextmanager
    async def place(self, model: str, *, priority: Priority, on_place: Place) -> AsyncIterator[None]:
        """Hold a place at the model and at its provider until the block ends: until the stream ends, not until it begins."""
        gate = self._gates.get(model)
        if gate is None:
            yield
            return
        await gate.enter(model, priority=priority, on_place=on_place)
        try:
            yield
        finally:
            gate.leave(model)
