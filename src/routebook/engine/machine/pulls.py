"""Pulls on demand: a model that is named and not there is fetched beside the requests that want it; each of them waits as long as it can."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from routebook.backends.residents import Pulled
from routebook.config.values import is_cloud_model
from routebook.errors import LimitReached, PullFailed, RoutebookError
from routebook.events import Waiting
from routebook.messages import Value
from routebook.plan.room import tagged

if TYPE_CHECKING:  # the runtime holds the machine, which holds these
    from routebook.engine.machine.sight import Sight
    from routebook.engine.runtime import Runtime
    from routebook.engine.turn import Turn

TELL_S: Final = 0.25
"""How often a cell is told how far a pull is."""
FIRST_S: Final = 1.0
"""A pull's speed is believed after so long."""
SHARE: Final = 0.5
"""Of its time so much a request spends on waiting for a pull, when there is another candidate, who needs the rest."""
AGAIN_S: Final = 30.0
"""A pull that failed is not tried again before."""
_MARGIN_S: Final = 0.1


@dataclass(slots=True, eq=False)
class _Pull:
    began: float
    last: Pulled = field(default_factory=lambda: Pulled(status="pulling manifest"))
    error: RoutebookError | None = None
    ended: float | None = None
    task: asyncio.Task[None] | None = None

    def left_s(self, now: float) -> float | None:
        """How long it will still take, at the speed so far; `None` while that says little."""
        share, took_s = self.last.share, now - self.began
        return took_s * (1 - share) / share if share and took_s >= FIRST_S else None


class PullLine(Value, frozen=True, kw_only=True):
    """A pull that is under way, for a person to read."""

    provider: str
    model: str
    """By the provider's own id."""
    progress: str
    left_s: float | None


class Pulls:
    """The pulls of one router."""

    def __init__(self, runtime: Runtime) -> None:
        """None yet."""
        self._runtime = runtime
        self._pulls: dict[tuple[str, str], _Pull] = {}
        self.providers = frozenset(name for name, provider in runtime.config.providers.items() if provider.pull)
        """Those that may fetch models."""

    @property
    def lines(self) -> tuple[PullLine, ...]:
        """What is under way. From any thread."""
        now = self._runtime.known.clock()
        return tuple(
            PullLine(provider=provider, model=model, progress=progress(pull.last), left_s=pull.left_s(now))
            for (provider, model), pull in list(self._pulls.items())
            if pull.ended is None
        )

    async def fetch(self, turn: Turn) -> None:
        """See to it that a model is there before it is called; nothing is done where it is, or where nobody knows.

        Raises:
            PullFailed: it cannot be fetched, or must not be: the request may not leave the machine.
            LimitReached: that takes too long for the request; it goes on beside it.
        """
        provider, entry = turn.candidate.provider, self._runtime.config.models[turn.candidate.model]
        if provider not in self.providers or turn.kind == "health" or is_cloud_model(self._runtime.config.providers[provider], entry.id):
            return
        sight = await self._runtime.machine.look(provider, max_age_s=1e9)
        if sight is None or tagged(entry.id) in sight.sizes:
            return
        sight = await self._runtime.machine.look(provider, sizes_age_s=0.0)  # somebody may have pulled it by hand
        if sight is None or sight.trouble or tagged(entry.id) in sight.sizes:
            return
        if turn.plan.local:
            said = f"{entry.id} is not pulled yet, and a pull would leave the machine, which nothing of this request may."
            raise PullFailed(said, provider=provider, hint=f"ollama pull {entry.id}")
        await self._wait(turn, self._begin(provider, entry.id, sight), entry.id)

    def _begin(self, provider: str, model: str, sight: Sight) -> _Pull:
        """The pull of a model, begun when there is none; the end of one that failed stands for a while."""
        now = self._runtime.known.clock()
        pull = self._pulls.get((provider, model))
        if pull is None or (pull.ended is not None and (pull.error is None or now - pull.ended > AGAIN_S)):
            pull = self._pulls[provider, model] = _Pull(began=now)
            pull.task = self._runtime.beside(self._run(provider, model, sight, pull))
        return pull

    async def _run(self, provider: str, model: str, sight: Sight, pull: _Pull) -> None:
        """What it ends in is for those who wait for it, now or later."""
        try:
            async with contextlib.aclosing(sight.backend.pull(model, local=False)) as parts:
                async for part in parts:
                    pull.last = part
            await self._runtime.machine.look(provider, sizes_age_s=0.0)
        except RoutebookError as error:
            pull.error = error
        finally:
            pull.ended = self._runtime.known.clock()

    async def _wait(self, turn: Turn, pull: _Pull, model: str) -> None:
        """Wait for a pull, as long as the request can, telling how far it is."""
        loop = asyncio.get_running_loop()
        until = turn.until - _MARGIN_S if not turn.has_next else loop.time() + (turn.until - loop.time()) * SHARE
        told = ""
        while pull.ended is None and pull.task is not None:
            left_s = pull.left_s(self._runtime.known.clock())
            said = progress(pull.last)
            if loop.time() >= until or (left_s is not None and loop.time() + left_s > until):
                raise LimitReached(f"{turn.candidate.model} is being pulled ({said}), which goes on: ask again later")
            if said != told:
                about = "" if left_s is None else f", about {max(1, round(left_s))} s more"
                turn.emit(Waiting(model=turn.candidate.model, place=0, reason=f"pulling {model}: {said}{about}", expected_s=left_s))
                told = said
            await asyncio.wait({pull.task}, timeout=max(0.0, min(TELL_S, until - loop.time())))
        if pull.error is not None:
            raise pull.error


def progress(pulled: Pulled) -> str:
    """How far a pull is, in a few words."""
    if pulled.share is None:
        return pulled.status
    return f"{pulled.share:.0%}, {pulled.done_bytes / 1e9:.1f} of {pulled.total_bytes / 1e9:.1f} GB"
