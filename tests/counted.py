"""Machines with clocks that a test sets, and kernels whose books count by them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from making import attempt

from routebook.books import turns
from routebook.books.books import Books
from routebook.books.claims import Admitted, Claim, Heard, Scope, Wait
from routebook.books.steady import SteadyClock


class Machine:
    """A machine's two clocks: one that people set, and one that only goes on."""

    def __init__(self) -> None:
        """It was booted an hour ago."""
        self.wall, self.up, self.boot = 1_795_255_200.0, 3600.0, "first"

    def clock(self) -> SteadyClock:
        """As a process has it."""
        return SteadyClock(wall=lambda: self.wall, uptime=lambda: self.up, boot=self.boot)

    def sleep(self, seconds: float) -> None:
        """Time goes by."""
        self.wall += seconds
        self.up += seconds


class Kernel:
    """Books of one process, and attempts that go through them one after the other."""

    def __init__(self, path: Path, machine: Machine, **limits: int) -> None:
        """`limits` of the one model."""
        self.books = Books(str(path), budgets={}, steady=machine.clock())
        self.scope = Scope(name="p/m", label="m", **limits)
        self.provider = Scope(name="p", label="p")
        self._number = 0

    def claim(self, tokens: int = 100, *, rank_s: float = 0.0) -> Claim:
        """What an attempt needs."""
        return Claim(scopes=(self.scope, self.provider), input_tokens=10, tokens=tokens, rank_s=rank_s)

    async def leave_word(self, *, rank_s: float) -> None:
        """Wait for room, since so long before now."""
        work = partial(turns.leave_word, scopes=["p/m"], session=self.books.session, tokens=100, now=self.books.steady())
        await self.books.write(partial(work, rank=self.books.steady() + round(rank_s * 1e6)))

    async def begin(self, tokens: int = 100, *, rank_s: float = 0.0) -> Admitted | Wait:
        """Ask to be let in."""
        self._number += 1
        row = attempt(request_id=f"{self.books.session} {self._number}", status="running", cost_usd=None)
        return await self.books.admit(row, need_usd=None, claim=self.claim(tokens, rank_s=rank_s))

    async def end(self, admitted: Admitted | Wait, *, used: int = 100, tokens: int = 100, heard: Heard | None = None) -> None:
        """End an attempt that was let in."""
        assert isinstance(admitted, Admitted)
        done = attempt(input_tokens=used, output_tokens=0)
        await self.books.finish(admitted.row, done, claim=self.claim(tokens), heard=heard)

    async def burst(self, most: int = 100, *, tokens: int = 100, used: int = 100) -> int:
        """Send until there is no room; how many were sent."""
        for sent in range(most):
            admitted = await self.begin(tokens)
            if isinstance(admitted, Wait):
                return sent
            await self.end(admitted, tokens=tokens, used=used)
        return most


@contextlib.contextmanager
def kernel(path: Path, machine: Machine, **limits: int) -> Iterator[Kernel]:
    """A kernel that is closed at the end."""
    one = Kernel(path, machine, **limits)
    try:
        yield one
    finally:
        one.books.close()
