"""A gate of the queue with a clock that a test sets, and those who came to it."""

from __future__ import annotations

import asyncio

from routebook.engine.admission.queue import Gate
from routebook.messages import Priority


class Clock:
    """Seconds that go on when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """As `time.monotonic`."""
        return self.now


class Door:
    """A gate and those who came to it, by name, in the order they were let in."""

    def __init__(self, capacity: int | None = 1, **models: int) -> None:
        self.clock = Clock()
        self.gate = Gate(capacity, models=models, clock=self.clock)
        self.inside: list[str] = []
        self.sent_away: list[str] = []
        self.places: dict[str, list[int]] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, priority: Priority = "P2", *, model: str = "m", requester: str = "") -> None:
        """Come to the gate, and wait there as long as it takes."""

        async def enter() -> None:
            places = self.places.setdefault(name, [])
            if await self.gate.enter(model, priority=priority, on_place=places.append, requester=requester):
                self.inside.append(name)
            else:
                self.sent_away.append(name)

        self.tasks[name] = asyncio.create_task(enter())
        await asyncio.sleep(0)

    async def leave(self, *, model: str = "m") -> None:
        """One leaves; whoever is next enters."""
        self.gate.leave(model)
        await asyncio.sleep(0)

    async def drain(self) -> None:
        """Everyone leaves, one after the other."""
        while self.gate.queue:
            await self.leave()
