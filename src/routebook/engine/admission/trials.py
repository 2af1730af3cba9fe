"""Who may call a model that was out: after a cooldown one request tries it, the others wait for how that goes, or go elsewhere.

This is one process's view. Whoever shares cooldowns between processes stands in for `begin` (which may wait for a lease) and `cool`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Final

from routebook.engine.turn import Outcome
from routebook.errors import BadRequest, LowQuality, Refused, RoutebookError
from routebook.plan.known import Known

LONGEST_S: Final = 600.0
"""A model that fails each trial is tried every ten minutes at least, unless its provider states a longer time."""
SPREAD: Final = 0.25
"""So much longer, at random, is a cooldown that is ours to choose: several kernels must not come back at once."""
TOLD_BY_A_WORD: Final = frozenset({"RateLimited", "Unavailable", "AuthFailed"})
"""Troubles that are over once the first word comes; a stream that breaks, or stands still, shows only at its end."""


class Trials:
    """The cooldowns and trials of all models."""

    def __init__(self, known: Known, *, rng: random.Random) -> None:
        """`rng` is for the spread."""
        self._known, self._rng = known, rng

    async def begin(self, model: str) -> bool:
        """Take the trial of a model upon oneself; false when another has it. Whoever begins must `end`."""
        state = self._known.state(model)
        if state.is_on_trial:
            return False
        state.is_on_trial = True
        return True

    async def wait(self, model: str, *, until: float) -> None:
        """Wait for the trial that is under way, but not beyond a time of the loop."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._known.state(model).when_tried.append(lambda: None if future.done() else future.set_result(None))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await future

    def heard(self, model: str) -> bool:
        """The model on trial said its first word; return whether that ends the trial."""
        state = self._known.state(model)
        if state.cooling_reason not in TOLD_BY_A_WORD:
            return False
        state.recover()
        state.end_trial()
        return True

    def end(self, model: str, outcome: Outcome | None) -> None:
        """The request that tried the model is over; `None` when it did not come to a call or was cancelled, which decides nothing."""
        state = self._known.state(model)
        if outcome is not None and _is_well(outcome.error):
            state.recover()
        state.end_trial()

    def cool(self, model: str, seconds: float, *, error: RoutebookError, is_stated: bool, is_told: bool, is_relapse: bool) -> float:
        """Leave a model alone, for all requests of this process; return for how many seconds.

        Args:
            model: its name.
            seconds: how long; where it is ours to choose it doubles with each trial that failed.
            error: what happened.
            is_stated: the provider stated the time.
            is_told: it asked to be left alone; else it is our own caution.
            is_relapse: it was on trial.
        """
        state = self._known.state(model)
        state.relapses += is_relapse
        if not is_stated:
            seconds = max(seconds, min(seconds * 2**state.relapses, LONGEST_S)) * (1 + SPREAD * self._rng.random())
        state.cool(self._known.clock() + seconds, reason=type(error).__name__, is_told=is_told)
        return seconds


def _is_well(error: RoutebookError | None) -> bool:
    """Whether a model that did this is there and answers: also to say that it will not, or that the request is wrong."""
    return error is None or isinstance(error, BadRequest | Refused | LowQuality)
