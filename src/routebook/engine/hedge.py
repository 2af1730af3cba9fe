"""Hedging: when the first token takes longer than usual, a second model is asked too; the first to speak answers.

The loser is cancelled, and is a row of the books like every attempt. What follows a failure is not decided here: the outcomes go back to
the one who walks the plan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from routebook.engine.attempt import attempt
from routebook.engine.runtime import Runtime
from routebook.engine.turn import Outcome, Turn
from routebook.errors import RoutebookError
from routebook.events import Event, Started, Switched, Waiting
from routebook.messages import Delta

CUT_SHORT: Final = 2.0
"""A start that was not waited for to its end counts as so many times what was waited: else a model that has become slow is hedged for ever."""


class Raced(NamedTuple):
    """How a race ended."""

    turn: Turn
    """Whose outcome counts: the one that spoke first, else the first that was asked."""
    outcome: Outcome
    lost: tuple[Turn, Outcome] | None
    """The other, where it was asked."""


async def race(runtime: Runtime, turn: Turn, *, second: Callable[[], Turn | None], after_s: float, outcomes: list[Outcome]) -> Raced:
    """Make an attempt, and a second one beside it when no token came `after_s` seconds after the first was sent.

    Args:
        runtime: what both run on.
        turn: the first attempt.
        second: gives the second, when it is time; `None` when there is nobody to ask.
        after_s: how long to wait for the first token.
        outcomes: both join it.

    Raises:
        As `attempt` for the first; a second that could not be sent (a spent budget) is as if there were none.
    """
    running = _Race(runtime, turn, second=second, after_s=after_s, outcomes=outcomes)
    try:
        return await running.run()
    finally:
        await running.end()


class _Runner:
    """One of the two."""

    def __init__(self, race: _Race, turn: Turn) -> None:
        self.turn = replace(turn, emit=self.hear)
        self.asked = turn
        self.held: list[Event] = []
        """What it said before it was known whether it wins."""
        self.sent: float | None = None
        self._race = race
        self.task = asyncio.ensure_future(attempt(race.runtime, self.turn, outcomes=race.outcomes))
        self.task.add_done_callback(_look_at)

    def hear(self, event: Event) -> None:
        """Pass on what belongs to the stream: of the first all until the other wins, of the second nothing until it wins."""
        race = self._race
        if isinstance(event, Started):
            self.sent = asyncio.get_running_loop().time()
            race.sent(self)
        if isinstance(event, Delta) and race.winner is None:
            race.won(self)
        if race.winner is self or (race.winner is None and self is race.first):
            self.asked.emit(event)
        elif race.winner is None:
            self.held.append(event)

    def outcome(self) -> Outcome | None:
        """How it ended; `None` when it was cancelled, or could not be sent."""
        if self.task.cancelled():
            return None
        error = self.task.exception()
        if error is not None and not isinstance(error, RoutebookError):
            raise error
        return None if error is not None else self.task.result()


def _look_at(task: asyncio.Task[Outcome]) -> None:
    """Look at how it ended, though nobody may ask: the request may be cancelled meanwhile."""
    if not task.cancelled():
        task.exception()


class _Race:
    """The two, and who is ahead."""

    def __init__(
        self, runtime: Runtime, turn: Turn, *, second: Callable[[], Turn | None], after_s: float, outcomes: list[Outcome]
    ) -> None:  # fmt: skip
        self.runtime, self.outcomes = runtime, outcomes
        self.winner: _Runner | None = None
        self.other: _Runner | None = None
        self._second, self._after_s = second, after_s
        self._timer: asyncio.TimerHandle | None = None
        self.first = _Runner(self, turn)

    async def run(self) -> Raced:
        """Wait for both, as far as they go."""
        await asyncio.wait([self.first.task])
        self._stop_timer()
        if self.other is not None:
            await asyncio.wait([self.other.task])
        if self.other is None:
            return Raced(self.first.turn, await self.first.task, None)
        first, other = self.first.outcome(), self.other.outcome()
        if other is not None and (self.winner is self.other or first is None or (first.error is not None and other.error is None)):
            return Raced(self.other.turn, other, self._lost(self.first, first))
        return Raced(self.first.turn, await self.first.task, self._lost(self.other, other))

    def sent(self, runner: _Runner) -> None:
        """An attempt was sent; of the first, the time runs from here: a place in a queue is not the model's slowness."""
        if runner is self.first:
            self._timer = asyncio.get_running_loop().call_later(self._after_s, self._is_slow)

    def won(self, runner: _Runner) -> None:
        """One spoke: the other is no longer needed."""
        self.winner = runner
        self._stop_timer()
        loser = self.other if runner is self.first else self.first
        if loser is None:
            return
        loser.task.cancel()
        if runner is self.other:
            first, name = self.first.turn.candidate.model, runner.turn.candidate.model
            if self.first.sent is not None:
                waited_s = asyncio.get_running_loop().time() - self.first.sent
                self.runtime.known.state(first).starts_s.append(CUT_SHORT * waited_s)
            runner.asked.emit(Switched(from_model=first, to_model=name, reason=f"hedged: {name} spoke first"))
            for event in runner.held:
                runner.asked.emit(event)

    async def end(self) -> None:
        """Let nothing run on: a request that is cancelled cancels both, and waits for their rows."""
        self._stop_timer()
        tasks = [runner.task for runner in (self.first, self.other) if runner is not None and not runner.task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _is_slow(self) -> None:
        if self.winner is not None or self.first.task.done() or (turn := self._second()) is None:
            return
        first, name = self.first.turn.candidate.model, turn.candidate.model
        turn.emit(Waiting(model=first, place=0, reason=f"no word after {self._after_s:.1f} s; {name} is asked too"))
        self.other = _Runner(self, turn)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _lost(self, runner: _Runner, outcome: Outcome | None) -> tuple[Turn, Outcome] | None:
        return None if outcome is None else (runner.turn, outcome)
