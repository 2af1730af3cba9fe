"""Events from the engine's loop to a reader on another loop, woken once for as many events as have gathered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from routebook.engine.loop import call_on
from routebook.events import Event


class Channel:
    """One writer on the engine's thread, one reader on the loop that made it."""

    def __init__(self) -> None:
        """Belongs to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._is_waking = False
        self._is_closed = False

    def put(self, event: Event) -> None:
        """Add an event; from any thread."""
        self._events.append(event)
        self._nudge()

    def close(self) -> None:
        """No more events come; from any thread."""
        self._is_closed = True
        self._nudge()

    def _nudge(self) -> None:
        if not self._is_waking:
            self._is_waking = True
            call_on(self._loop, self._wake.set)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._is_waking = False  # before the events are read: one that comes now wakes us again
            is_closed = self._is_closed
            while self._events:
                yield self._events.popleft()
            if is_closed and not self._events:
                return
