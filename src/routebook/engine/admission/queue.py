"""Admission: so many at once for each provider and each of its models, the rest in one queue by priority.

A waiting request's rank is the time it came plus a handicap for its priority, so the queue ages by itself: a P3 that waited
three handicaps stands level with a P0 that comes now, and no request waits for ever. Within a priority those who ask (notebooks, agents)
take turns, and each of them is served in the order it came.

A model whose limits are full beyond this process is held at the desk: for so long nobody is let in, then first one, then two, then four.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from routebook.config.values import Config
from routebook.messages import PRIORITIES, Priority

HANDICAP_S: Final = 20.0
"""Seconds by which one level of priority overtakes the next."""
FRONT: Final = 10
"""So many at the head of the queue are told of each step; those behind hear of every tenth of its length."""
WIDE: Final = 64
"""A desk this wide holds nobody up."""
SMOOTHING: Final = 0.2

Place = Callable[[int], None]
Line = tuple[Priority, str, str]
"""Priority, requester, model: those who are served in the order they came."""


@dataclass(slots=True, eq=False)
class _Ticket:
    """One that waits."""

    rank: tuple[float, int]
    line: Line
    future: asyncio.Future[bool]
    on_place: Place
    told: int = 0

    def tell(self, place: int) -> None:
        if place != self.told:
            self.told = place
            self.on_place(place)


@dataclass(slots=True)
class _Desk:
    """Where those of one model ask whether there is room beyond this process."""

    until: float = 0.0
    width: int = 1
    asking: int = 0


class Gate:
    """Lets `capacity` callers in at once, and for a model no more than its own; the others wait by rank, first come first served in it.

    A place is given only where all limits have room, so nobody holds a place of one limit while waiting at another.
    """

    def __init__(self, capacity: int | None, *, models: Mapping[str, int] | None = None, clock: Callable[[], float]) -> None:
        """`capacity` over all, `None` for no limit; `models` has the limits by model; `clock` gives seconds that only go up."""
        self.capacity, self._models, self._clock = capacity, dict(models or {}), clock
        self.inside = 0
        self._inside_by_model: Counter[str] = Counter()
        self._lines: dict[Line, list[_Ticket]] = {}
        self._served: dict[str, int] = {}
        self._desks: dict[str, _Desk] = {}
        self._count = itertools.count(1)
        self._steps = 0
        self._stay_s: float | None = None

    def limit(self, models: Mapping[str, int]) -> None:
        """Set the limits of models that were found later."""
        self._models.update(models)

    @property
    def queue(self) -> int:
        """How many wait."""
        return sum(not ticket.future.done() for line in self._lines.values() for ticket in line)

    @property
    def most_urgent(self) -> int:
        """The highest priority of those who wait, as its place in `PRIORITIES`; behind all of these when nobody does."""
        return min((PRIORITIES.index(priority) for priority, _, _ in self._lines), default=len(PRIORITIES))

    async def enter(
        self, model: str, *, priority: Priority, on_place: Place, requester: str = "", since: float | None = None
    ) -> bool:  # fmt: skip
        """Return true when inside; whoever enters must `leave`. False when the model was closed meanwhile.

        Args:
            model: which one.
            priority: of the request.
            on_place: is told the place in the queue (1 is next) as it changes.
            requester: who asks; within a priority they take turns.
            since: when the request came, where it was inside before and had to go out again.
        """
        if self._has_room(model) and not (since is None and self._is_awaited(model)):
            self._take((priority, requester, model))
            return True
        now = self._clock() if since is None else since
        rank = (now + HANDICAP_S * PRIORITIES.index(priority), next(self._count))
        ticket = _Ticket(rank, (priority, requester, model), asyncio.get_running_loop().create_future(), on_place)
        self._join(ticket)
        try:
            return await ticket.future
        except asyncio.CancelledError:
            if ticket.future.done() and not ticket.future.cancelled():  # let in and cancelled in the same moment: pass the place on
                if ticket.future.result():
                    self.withdraw(model)
                    self.leave(model)
            else:
                self._forget(ticket)
            raise

    def leave(self, model: str, *, stayed_s: float | None = None) -> None:
        """Give the place to the next in the queue who has room; `stayed_s` is how long a call took."""
        self.inside -= 1
        self._inside_by_model[model] -= 1
        if stayed_s is not None:
            self._stay_s = stayed_s if self._stay_s is None else self._stay_s + SMOOTHING * (stayed_s - self._stay_s)
        self._let_in()

    def opened(self, model: str) -> None:
        """Whoever asked at the desk of a model found room: let more ask."""
        desk = self._desks.get(model)
        if desk is None:
            return
        desk.asking, desk.width = max(0, desk.asking - 1), desk.width * 2
        if desk.width >= WIDE:
            del self._desks[model]
        self._let_in()

    def withdraw(self, model: str) -> None:
        """Whoever asked at the desk of a model did not get to hear whether there is room."""
        if (desk := self._desks.get(model)) is not None:
            desk.asking = max(0, desk.asking - 1)

    def hold(self, model: str, seconds: float) -> None:
        """There was no room beyond this process: let nobody ask for so long."""
        desk = self._desks.setdefault(model, _Desk())
        desk.asking, desk.width = max(0, desk.asking - 1), 1
        desk.until = max(desk.until, self._clock() + seconds)
        asyncio.get_running_loop().call_later(seconds + 0.002, self._let_in)

    def close(self, model: str) -> None:
        """Send those away who wait for a model: it will not be back for long."""
        self._desks.pop(model, None)
        for line in [line for line in self._lines if line[2] == model]:
            for ticket in self._lines.pop(line):
                if not ticket.future.done():
                    ticket.future.set_result(False)
        self._moved()

    def expected_s(self, model: str, place: int) -> float | None:
        """Seconds until a place in the queue is served, by what was seen here; `None` when nothing was."""
        desk = self._desks.get(model)
        held_s = max(0.0, desk.until - self._clock()) if desk else None
        most = min((limit for limit in (self.capacity, self._models.get(model)) if limit is not None), default=None)
        served_s = place / most * self._stay_s if most is not None and self._stay_s is not None else None
        return max((time for time in (held_s, served_s) if time is not None), default=None)

    @property
    def _is_full(self) -> bool:
        return self.capacity is not None and self.inside >= self.capacity

    def _has_room(self, model: str) -> bool:
        most = self._models.get(model)
        if self._is_full or (most is not None and self._inside_by_model[model] >= most):
            return False
        desk = self._desks.get(model)
        return desk is None or (desk.asking < desk.width and self._clock() >= desk.until)

    def _is_awaited(self, model: str) -> bool:
        """Whether others wait for a model at its desk, who come first."""
        return model in self._desks and any(line[2] == model for line in self._lines)

    def _take(self, line: Line) -> None:
        _, requester, model = line
        self.inside += 1
        self._inside_by_model[model] += 1
        self._served[requester] = next(self._count)
        if (desk := self._desks.get(model)) is not None:
            desk.asking += 1

    def _let_in(self) -> None:
        if not self._lines:
            self._served.clear()
            return
        while not self._is_full and (ticket := next(self._order(self._has_room), None)) is not None:
            self._drop(ticket)
            if not ticket.future.done():
                self._take(ticket.line)
                ticket.future.set_result(True)
        self._moved()

    def _order(self, has_room: Callable[[str], bool] = lambda _: True) -> Iterator[_Ticket]:
        """Yield those who wait, in the order in which they will be let in if nobody comes."""
        lines = [(line, tickets) for line, tickets in self._lines.items() if has_room(line[2])]
        at = [0] * len(lines)
        served, turn = dict(self._served), itertools.count(1 << 62)
        while heads := [(tickets[at[n]], n) for n, (_, tickets) in enumerate(lines) if at[n] < len(tickets)]:
            ticket, n = _choose(heads, served)
            at[n] += 1
            served[ticket.line[1]] = next(turn)
            yield ticket

    def _join(self, ticket: _Ticket) -> None:
        ahead = sum(bisect.bisect(line, ticket.rank, key=_rank) for line in self._lines.values())
        is_last = ahead == sum(map(len, self._lines.values()))
        bisect.insort(self._lines.setdefault(ticket.line, []), ticket, key=_rank)
        ticket.tell(ahead + 1)
        if not is_last or len(self._lines) > 1:
            self._moved()

    def _drop(self, ticket: _Ticket) -> None:
        line = self._lines[ticket.line]
        del line[bisect.bisect_left(line, ticket.rank, key=_rank)]
        if not line:
            del self._lines[ticket.line]

    def _forget(self, ticket: _Ticket) -> None:
        if ticket in self._lines.get(ticket.line, ()):
            self._drop(ticket)
            self._moved()

    def _moved(self) -> None:
        """Tell the new places: each time to the head, to all after so many steps that a long queue costs no more than a short one."""
        n_waiting = sum(map(len, self._lines.values()))
        if not n_waiting:
            return
        self._steps += 1
        is_for_all = self._steps * FRONT >= n_waiting
        if is_for_all:
            self._steps = 0
        for place, ticket in enumerate(itertools.islice(self._order(), None if is_for_all else FRONT), 1):
            ticket.tell(place)


def _rank(ticket: _Ticket) -> tuple[float, int]:
    return ticket.rank


def _choose(heads: list[tuple[_Ticket, int]], served: Mapping[str, int]) -> tuple[_Ticket, int]:
    """The next of the heads of all lines: of the priority whose turn it is, the one whose requester was served longest ago."""
    if len(heads) == 1:
        return heads[0]
    first, _ = min(heads, key=lambda head: head[0].rank)
    priority = first.line[0]
    rival = min((ticket.rank for ticket, _ in heads if ticket.line[0] != priority), default=None)
    equals = [head for head in heads if head[0].line[0] == priority and (rival is None or head[0].rank < rival)]
    return min(equals, key=lambda head: (served.get(head[0].line[1], 0), head[0].rank))


class Gates:
    """The gates of all models: those of a provider with a `max_concurrent` share one."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that only go up."""
        self._clock = clock
        self._gates: dict[str, Gate] = {}

    @property
    def inside(self) -> int:
        """How many are inside of any."""
        return sum(gate.inside for gate in set(self._gates.values()))

    def of(self, model: str, *, config: Config) -> Gate:
        """The gate of a model, made when first asked for."""
        found = self._gates.get(model)
        if found is None:
            found = self._gates[model] = self._make(model, config)
        return found

    def _make(self, model: str, config: Config) -> Gate:
        name = config.models[model].provider
        most = config.providers[name].max_concurrent
        if most is None:
            return Gate(config.models[model].max_concurrent, clock=self._clock)
        own = {other: entry.max_concurrent for other, entry in config.models.items() if entry.provider == name}
        shared = next((self._gates[other] for other in own if other in self._gates), None)
        limits = {other: limit for other, limit in own.items() if limit is not None}
        if shared is None:
            return Gate(most, models=limits, clock=self._clock)
        shared.limit(limits)
        return shared
