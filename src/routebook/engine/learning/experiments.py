"""Experiments under way: draws are written down, outcomes looked at now and then, and an experiment ends itself when it is sure."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from routebook.books import experiments as books
from routebook.config.experiments import Experiment
from routebook.engine.turn import Ended
from routebook.errors import BooksError
from routebook.learn.sequential import compare
from routebook.messages import Value
from routebook.plan.experiment import Verdict, name_in

if TYPE_CHECKING:
    from routebook.engine.runtime import Runtime

EVERY_S: Final = 5.0
"""A look walks over the draws of an experiment; more often it would tell nothing new."""


class Arm(Value, frozen=True, kw_only=True):
    """One model of an experiment."""

    model: str
    requests: int
    seen: int
    """Of so many something is known: a vote, a price."""
    mean: float
    """Of votes and checks 0 to 1, of cost US dollars, of latency seconds; NaN while nothing is known."""


class Standing(Value, frozen=True, kw_only=True):
    """How an experiment stands."""

    name: str
    experiment: Experiment
    arms: tuple[Arm, ...]
    """The best first; those of which nothing is known last."""
    low: float
    high: float
    """By how much the best is better than the next, at least and at most; infinite while too little is known."""
    sure: float
    """How sure one may be that the first is better than each of the others."""
    verdict: Verdict | None
    """How it ended; `None` while it is under way."""


class Experiments:
    """Those of one router."""

    def __init__(self, runtime: Runtime) -> None:
        """Without `[experiments]` nothing happens."""
        self._runtime = runtime
        self._all = runtime.config.experiments
        self._setups = {name: setup_of(experiment) for name, experiment in self._all.items()}
        self._due = 0.0

    async def open(self) -> None:
        """Take up where other kernels left off.

        Raises:
            BooksError: the books cannot be read.
        """
        if self._all:
            self._runtime.when_ended.append(self._ended)
            await self.look()

    def _ended(self, ended: Ended) -> None:
        """Write down the draw, and look when it is time; beside the request."""
        first = ended.outcomes[0].attempt if ended.outcomes else None
        name = name_in(first.reason) if first is not None else None
        if first is None or name is None or name not in self._all:
            return
        self._runtime.beside(self._drawn(name, request_id=ended.plan.request.id, model=first.model))

    async def _drawn(self, name: str, *, request_id: str, model: str) -> None:
        setup, time = self._setups[name], round(self._runtime.now().timestamp() * 1e6)
        try:
            await self._runtime.books.write(
                lambda connection: books.draw(connection, name, setup, request_id=request_id, model=model, time=time)
            )
            if (now := asyncio.get_running_loop().time()) >= self._due:
                self._due = now + EVERY_S
                await self.look()
        except BooksError:
            return  # the request itself has said so; this draw is not counted

    async def look(self) -> None:
        """See what is clear by now; what other kernels have seen counts."""
        runtime = self._runtime
        for standing in await asyncio.to_thread(standings, runtime):
            verdict = standing.verdict or _verdict(standing)
            if verdict is not None and standing.verdict is None:
                ending = books.Ending(
                    standing.name, self._setups[standing.name], verdict.winner, verdict.sure, round(runtime.now().timestamp() * 1e6)
                )
                await runtime.books.write(lambda connection, ending=ending: books.end(connection, ending))  # type: ignore[misc]
                winner = f"{verdict.winner} is better, {verdict.sure:.0%} sure" if verdict.winner else "no model is clearly better"
                runtime.alarms.say(f"The experiment {standing.name} is over: {winner}. %route experiments shows the figures.")
            if verdict is not None:
                runtime.known.verdicts[standing.name] = verdict


def setup_of(experiment: Experiment) -> str:
    """What is asked, as a text: when it changes, it is another experiment."""
    return msgspec.json.encode([experiment.route, sorted(experiment.models.items()), experiment.outcome]).decode()


def standings(runtime: Runtime) -> list[Standing]:
    """How each experiment of the config stands. From any thread.

    Raises:
        BooksError: the books cannot be read.
    """

    def read(connection: sqlite3.Connection) -> list[Standing]:
        ends = {(ending.name, ending.setup): Verdict(winner=ending.winner, sure=ending.sure) for ending in books.endings(connection)}
        return [
            _standing(
                name, experiment, *books.observed(connection, name, setup_of(experiment), outcome=experiment.outcome),
                verdict=ends.get((name, setup_of(experiment))),
            )
            for name, experiment in runtime.config.experiments.items()
        ]  # fmt: skip

    return runtime.books.read(read)


def _standing(
    name: str, experiment: Experiment, drawn: Mapping[str, int], values: Mapping[str, list[float]], *, verdict: Verdict | None
) -> Standing:
    sign = -1.0 if books.is_lower_better(experiment.outcome) else 1.0
    models = sorted(experiment.models, key=lambda model: -sign * _mean(values[model]) if values.get(model) else math.inf)
    arms = tuple(
        Arm(model=model, requests=drawn.get(model, 0), seen=len(values.get(model, ())), mean=_mean(values.get(model, [])))
        for model in models
    )
    best, *others = [[sign * value for value in values.get(model, ())] for model in models]
    pairs = math.comb(
        len(models), 2
    )  # which is the best is known only by looking, so any two could have been compared: all share the doubt
    compared = [compare(best, other, sure=1 - (1 - experiment.sure) / pairs) for other in others]
    surest = max(0.0, 1 - pairs * max(1 - one.sure for one in compared))
    nearest = min(compared, key=lambda one: one.low)
    return Standing(name=name, experiment=experiment, arms=arms, low=nearest.low, high=nearest.high, sure=surest, verdict=verdict)


def _verdict(standing: Standing) -> Verdict | None:
    if standing.low > 0 and standing.sure >= standing.experiment.sure:
        return Verdict(winner=standing.arms[0].model, sure=standing.sure)
    if sum(arm.requests for arm in standing.arms) >= standing.experiment.most:
        return Verdict(winner=None, sure=standing.sure)
    return None


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
