"""Single flight: equal requests at the same time share one call.

The call belongs to none of them. Whoever stops leaves it, the others stay on board, and it is cancelled when the last one has left. One who
comes late is told what has come so far.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import groupby
from typing import Final

from routebook.books.cache import Kept
from routebook.engine.turn import Emit
from routebook.events import Decision, Done, Event, Started, Switched
from routebook.messages import Answer, Delta

Landed = Answer | Kept
"""What a flight comes to: the answer to a call, or one that the cache had."""
Key = tuple[bytes, float]
"""The request's fingerprint, and how old its answer may be."""


class Flight:
    """One call, and those who wait for it."""

    def __init__(self, key: Key, fly: Callable[[Emit], Coroutine[None, None, Landed]], *, request_id: str) -> None:
        """Start the call of a request; `fly` is given where to tell what happens."""
        self.key, self.request_id = key, request_id
        self._riders: dict[int, Emit] = {}
        self._numbers = 0
        self._news: list[Event] = []
        self.last: Answer | None = None
        """What the call ended with, cancelled or not."""
        self.model: str | None = None
        """The one that is being asked."""
        self.task = asyncio.ensure_future(fly(self._tell))
        self.task.add_done_callback(lambda task: task.cancelled() or task.exception())  # it may be that nobody is left to hear of it

    async def ride(self, emit: Emit, *, until: float | None, leave: Callable[[], None]) -> Landed | None:
        """Wait for the end, until a time of the loop's clock at most; `None` when that came first. `leave` is called when nobody is left.

        Raises what the call raised. Whoever is cancelled as the last one waits until the call has really ended.
        """
        self._numbers += 1
        number = self._numbers
        for event in self._so_far():
            emit(event)
        self._riders[number] = emit
        patience_s = None if until is None else max(0.0, until - asyncio.get_running_loop().time())
        try:
            await asyncio.wait({self.task}, timeout=patience_s)
        finally:
            if len(self._riders) == 1 and not self.task.done():
                leave()
                self.task.cancel()
                await asyncio.wait({self.task})
            del self._riders[number]
        return self.task.result() if self.task.done() and not self.task.cancelled() else None

    @property
    def text(self) -> str:
        """What has come so far and still counts."""
        return "".join(event.text for event in self._news if isinstance(event, Delta) and event.kind == "text")

    def _tell(self, event: Event) -> None:
        """Pass on what happens. Each rider has a decision and an end of its own."""
        if isinstance(event, Done):
            self.last = event.answer
        if isinstance(event, Decision | Done):
            return
        if isinstance(event, Switched):
            self._news.clear()
        if isinstance(event, Started):
            self.model = event.model
        self._news.append(event)
        for emit in tuple(self._riders.values()):
            emit(event)

    def _so_far(self) -> list[Event]:
        """What has happened, the text in one piece."""
        pieces: list[Event] = []
        for kind, events in groupby(self._news, key=lambda event: event.kind if isinstance(event, Delta) else None):
            if kind is None:
                pieces += events
            else:
                pieces.append(Delta(text="".join(event.text for event in events if isinstance(event, Delta)), kind=kind))
        return pieces


class Flights:
    """The calls under way that can be shared."""

    def __init__(self) -> None:
        """None yet."""
        self._under_way: Final[dict[Key, Flight]] = {}

    def board(self, key: Key, fly: Callable[[Emit], Coroutine[None, None, Landed]], *, request_id: str) -> tuple[Flight, bool]:
        """The flight of a request, and whether it was started by this."""
        found = self._under_way.get(key)
        if found is not None:
            return found, False
        flight = self._under_way[key] = Flight(key, fly, request_id=request_id)
        flight.task.add_done_callback(lambda _: self.forget(flight))
        return flight, True

    def forget(self, flight: Flight) -> None:
        """Let the next one who asks start anew."""
        if self._under_way.get(flight.key) is flight:
            del self._under_way[flight.key]
