"""So many prompts of a route at once as it says, whichever models answer them; the others wait by priority, as they do at a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from routebook.config.values import Route
from routebook.engine.admission.queue import Gate
from routebook.engine.turn import Emit
from routebook.errors import DeadlineExceeded
from routebook.events import Waiting
from routebook.messages import Plan


class Lanes:
    """The routes of one router that have a `max_concurrent`."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that only go up."""
        self._clock = clock
        self._gates: dict[str, Gate] = {}

    def waiting(self, route: str) -> int:
        """How many wait for a place of a route."""
        return self._gates[route].queue if route in self._gates else 0

    @asynccontextmanager
    async def of(self, route: Route, plan: Plan, *, emit: Emit, until: float) -> AsyncIterator[None]:
        """Hold a place of the route for the length of a block; `until` is the request's deadline, in the loop's time.

        Raises:
            DeadlineExceeded: none came free in time; nothing was sent.
        """
        most, name = route.max_concurrent, route.name
        if most is None:
            yield
            return
        gate = self._gates.get(name)
        if gate is None:
            gate = self._gates[name] = Gate(most, clock=self._clock)
        why = f"route {name!r} takes {most} at a time"

        def tell(place: int) -> None:
            emit(Waiting(model=plan.candidates[0].model, place=place, reason=why))

        requester = f"{plan.request.notebook} {plan.request.agent}"
        try:
            async with asyncio.timeout_at(until):
                await gate.enter(name, priority=plan.priority, on_place=tell, requester=requester)
        except TimeoutError as error:
            raise DeadlineExceeded(f"{why}, and no place came free within {plan.deadline_s:g} s. Raise its max_concurrent.") from error
        try:
            yield
        finally:
            gate.leave(name)
