"""When each attempt of a request was sent and when its end was known, on this machine's own clock."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from routebook.engine.loop import Job
from routebook.engine.router import Router
from routebook.events import Decision, Done, Event, Started, Switched
from routebook.messages import Answer, Overrides


@dataclass(slots=True)
class Sent:
    """One attempt."""

    model: str
    time_s: float
    """When it was sent, on the monotonic clock."""
    known_s: float | None = None
    """When the request went on from it."""


class Steps:
    """Listens to one request."""

    def __init__(self) -> None:
        """For the running loop."""
        self.sent: list[Sent] = []
        self.over = asyncio.Event()
        self.decided_s: float | None = None
        """When its plan was made."""
        self.ended_s = 0.0
        """When it ended on the engine's loop: that the caller's own loop is late is not the engine's doing."""
        self._loop = asyncio.get_running_loop()

    def start(self, of: Router, prompt: str, asked: Overrides) -> Job[Answer]:
        """Start the request; `over` is set at its end."""
        return of.start(prompt, emit=self._hear, on_end=self._end, **asked)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Decision) and self.decided_s is None:
            self.decided_s = time.monotonic()
        elif isinstance(event, Started):  # those before it may still run: it may be a hedge
            self.sent.append(Sent(event.model, time.monotonic()))
        elif isinstance(event, Switched | Done):
            self._close()

    def _end(self) -> None:
        self._close()
        self.ended_s = time.monotonic()
        self._loop.call_soon_threadsafe(self.over.set)

    def _close(self) -> None:
        for sent in self.sent:
            if sent.known_s is None:
                sent.known_s = time.monotonic()
