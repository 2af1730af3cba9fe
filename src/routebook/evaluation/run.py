"""Runs an evaluation: every prompt by every model, each answer graded and written down as it comes, so that a stopped run can be taken up."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import Final

import msgspec

from routebook.books import evaluations
from routebook.books.evaluations import Result
from routebook.books.money import to_pico
from routebook.classifier.classify import classify
from routebook.config.values import Config
from routebook.engine.runtime import Runtime
from routebook.errors import UsageError
from routebook.evaluation.asking import Bounds, NotSent, ask, plan_of
from routebook.evaluation.choose import chosen, judge_of
from routebook.evaluation.fund import Fund
from routebook.evaluation.grade import Grade, grade
from routebook.evaluation.judge import Judge
from routebook.evaluation.outcome import Evaluated, Graded, Missing
from routebook.evaluation.suite import Item, Suite
from routebook.messages import Answer, Classification, Tier, Value

AT_ONCE: Final = 4
"""Prompts of one model under way; its limits hold anyway. On this machine it is one, so that speed is what one user sees."""
ENOUGH: Final = 3
"""So many failures of a model in a row, and it is asked no more."""
TAKEN_UP: Final = dt.timedelta(days=1)
"""How long an unfinished run is gone on with; older answers say little of today."""
MOST_NOTES: Final = 10


class Wish(Value, frozen=True, kw_only=True):
    """What is wanted of an evaluation."""

    models: tuple[str, ...] = ()
    """Models, pools and providers; without any, all that can be reached."""
    tasks: tuple[str, ...] = ()
    judge: str | None = None
    budget_usd: Decimal | None = None
    tier: Tier | None = None
    is_local: bool = False
    is_fresh: bool = False
    """Begin anew, though a run is unfinished."""


class Progress(Value, frozen=True, kw_only=True):
    """How far it is."""

    done: int
    of: int
    spent_usd: Decimal
    model: str


Tell = Callable[[Progress], None]


async def evaluate(runtime: Runtime, own: Config, suite: Suite, wish: Wish, *, tell: Tell) -> Evaluated:
    """Evaluate models by a suite.

    Args:
        runtime: what the router runs on.
        own: what `routing.toml` says, without what is discovered.
        suite: the prompts.
        wish: which models, within what.
        tell: called with how far it is, on the engine's loop.

    Raises:
        UsageError: a name leads nowhere, or nothing can be asked.
        BooksError: the books cannot be written.
    """
    with runtime.under_way():
        run = await _begin(runtime, own, suite, wish)
        run.tell = tell
        try:
            await run.all()
        except ExceptionGroup as errors:  # what went wrong first, as it was raised
            raise _first(errors) from None
        await run.end()
        return run.evaluated()


async def _begin(runtime: Runtime, own: Config, suite: Suite, wish: Wish) -> _Run:
    """Everything that can be wrong is looked at before anything is sent."""
    bounds = Bounds(tier=wish.tier, is_local=wish.is_local or suite.is_local)
    part = suite.only(wish.tasks)
    if not part.items:
        raise UsageError(f"The suite {suite.name!r} has no prompt of {', '.join(wish.tasks)}.")
    is_capped = wish.budget_usd is not None
    tasks = list(dict.fromkeys(item.task for item in part.items))
    models, left_out = chosen(runtime, own, wish.models, tasks=tasks, bounds=bounds, is_capped=is_capped)
    if not models:
        raise UsageError("No model can be evaluated." + "".join(f"\n  {name}: {reason}" for name, reason in left_out.items()))
    fund = Fund(wish.budget_usd)
    judged = list(dict.fromkeys(item.task for item in part.items if item.kind == "judge"))
    asked = wish.judge or suite.judge
    name, trouble = judge_of(runtime, asked, tasks=judged, bounds=bounds, is_capped=is_capped) if judged else (None, "")
    judge = Judge(runtime, name, bounds=bounds, fund=fund) if name is not None else None
    now = runtime.now()
    since = now if wish.is_fresh else now - TAKEN_UP
    number = await runtime.books.write(
        lambda connection: evaluations.begin(connection, part.key, name=suite.name, now=_micro(now), since=_micro(since))
    )
    kept = await asyncio.to_thread(lambda: runtime.books.read(lambda connection: evaluations.results(connection, number)))
    return _Run(
        runtime=runtime, suite=part, models=models, left_out=left_out, bounds=bounds, fund=fund, judge=judge, no_judge=trouble, number=number,
        kept=kept,
    )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Lane:
    """How one model does."""

    failures: int = 0
    shut: str = ""
    """Why it is asked no more."""


@dataclass(slots=True, kw_only=True)
class _Run:
    """One evaluation under way."""

    runtime: Runtime
    suite: Suite
    models: Sequence[str]
    left_out: Mapping[str, str]
    bounds: Bounds
    fund: Fund
    judge: Judge | None
    no_judge: str
    number: int
    kept: Mapping[bytes, Result]
    tell: Tell = lambda _progress: None
    graded: list[Graded] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    taken: int = 0
    seen: dict[str, Classification] = field(default_factory=dict)
    lanes: dict[str, _Lane] = field(default_factory=dict)

    async def all(self) -> None:
        """Ask every model; those of one provider on this machine one after the other, because they share its memory."""
        config = self.runtime.config
        home: dict[str, list[str]] = {}
        for model in self.models:
            self.lanes[model] = _Lane()
            home.setdefault(config.models[model].provider if config.tier(model) == "local" else f"{model} ", []).append(model)
        async with asyncio.TaskGroup() as group:
            for models in home.values():
                group.create_task(self._in_turn(models))

    async def _in_turn(self, models: Sequence[str]) -> None:
        for model in models:
            waiting = _mixed(self.suite.items)[::-1]
            width = 1 if self.runtime.config.tier(model) == "local" else AT_ONCE

            async def worker(model: str = model, waiting: list[Item] = waiting) -> None:
                while waiting:
                    await self._one(model, waiting.pop())

            async with asyncio.TaskGroup() as group:
                for _ in range(width):
                    group.create_task(worker())

    async def _one(self, model: str, item: Item) -> None:
        """One prompt by one model; what is kept is not asked again."""
        key = self._key(model, item)
        if (result := self.kept.get(key)) is not None:
            self.taken += 1
            self.graded.append(Graded(item, result))
        elif item.kind == "judge" and self.judge is None:
            self.missing.append(Missing(item, model, self.no_judge))
        elif self.lanes[model].shut:
            self.missing.append(Missing(item, model, self.lanes[model].shut))
        else:
            await self._asked(model, item, key)
        done = len(self.graded) + len(self.missing)
        self.tell(Progress(done=done, of=len(self.suite.items) * len(self.models), spent_usd=self.fund.spent_usd, model=model))

    async def _asked(self, model: str, item: Item, key: bytes) -> None:
        seen = self.seen.get(item.id)
        if seen is None:
            seen = self.seen[item.id] = _seen(item)
        plan = plan_of(
            self.runtime, model, item.prompt, seen=seen, system=item.system, max_tokens=item.max_tokens, bounds=self.bounds,
            reason=f"evaluation: {self.suite.name}, {item.id}",
        )  # fmt: skip
        numbers, request_id = self.runtime.numbers, plan.request.id
        numbers.begin(request_id)  # the judge's attempts stand beside the model's
        try:
            answer = await ask(self.runtime, plan, fund=self.fund)
            if isinstance(answer, NotSent):
                self._failed(model, item, answer)
                return
            self.lanes[model].failures = 0
            self.notes += (note for note in answer.notes if note not in self.notes)
            found = await self.judge.grade(item, answer) if item.kind == "judge" and self.judge is not None else await grade(item, answer)
        finally:
            numbers.end(request_id)
        if isinstance(found, NotSent):
            self.missing.append(Missing(item, model, found.reason))
            return
        result = self._result(model, item, key, answer, found)
        await self.runtime.books.write(lambda connection: evaluations.keep(connection, self.number, result))
        self.graded.append(Graded(item, result))

    def _failed(self, model: str, item: Item, why: NotSent) -> None:
        """Without an answer; who fails again and again is asked no more."""
        self.missing.append(Missing(item, model, why.reason))
        lane = self.lanes[model]
        if why.is_passing:
            return
        lane.failures += 1
        if why.is_final:
            lane.shut = f"not asked: {why.reason}"
        elif lane.failures >= ENOUGH and not lane.shut:
            lane.shut = f"not asked: {lane.failures} failures in a row, the last: {why.reason}"

    def _result(self, model: str, item: Item, key: bytes, answer: Answer, found: Grade) -> Result:
        by = answer.attempt
        return Result(
            key=key, time=_micro(self.runtime.now()), model=model, task=item.task, score=found.score, said=found.said, request_id=answer.request_id,
            ttft_s=by.ttft_s, latency_s=by.latency_s, input_tokens=by.input_tokens, output_tokens=by.output_tokens,
            cost_pusd=None if by.cost_usd is None else to_pico(by.cost_usd),
        )  # fmt: skip

    def _key(self, model: str, item: Item) -> bytes:
        """The same for the same prompt, asked of the same model set up in the same way, judged by the same judge."""
        config = self.runtime.config
        entry = config.models[model]
        judge = self.judge.model if item.kind == "judge" and self.judge is not None else None
        parts = (item.key, model, entry.provider, entry.id, config.providers[entry.provider].base_url, entry.params, entry.thinking, judge)
        return blake2b(msgspec.json.encode(parts, order="deterministic", enc_hook=repr), digest_size=16).digest()

    async def end(self) -> None:
        """It came to its end; where something is left that could be had, the same call goes on with it."""
        left = any(missing.why != self.no_judge for missing in self.missing)
        now = _micro(self.runtime.now())
        await self.runtime.books.write(lambda connection: evaluations.end(connection, self.number, is_whole=not left, now=now))

    def evaluated(self) -> Evaluated:
        """What it came to."""
        order = {item.id: at for at, item in enumerate(self.suite.items)}
        places = {model: at for at, model in enumerate(self.models)}
        return Evaluated(
            suite=self.suite.name,
            models=tuple(self.models),
            graded=tuple(sorted(self.graded, key=lambda one: (places[one.result.model], order[one.item.id]))),
            missing=tuple(sorted(self.missing, key=lambda one: (places[one.model], order[one.item.id]))),
            left_out=self.left_out,
            notes=tuple(self.notes[:MOST_NOTES]),
            kept=self.taken,
            spent_usd=self.fund.spent_usd,
            unpriced=self.fund.unpriced,
            budget_usd=self.fund.budget_usd,
        )


def _first(errors: BaseException) -> BaseException:
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return errors


def _seen(item: Item) -> Classification:
    """The task is the suite's word, so it is sure; tools are not needed, whatever the words say."""
    return msgspec.structs.replace(classify(item.prompt), task=item.task, confidence=1.0, needs_tools=False, tools_score=0.0)


def _mixed(items: Sequence[Item]) -> list[Item]:
    """The first prompt of every task, then the second, and so on: what a budget cuts off is cut off everywhere alike."""
    counts: Counter[str] = Counter()
    ranks: dict[str, int] = {}
    for item in items:
        ranks[item.id] = counts[item.task]
        counts[item.task] += 1
    return sorted(items, key=lambda item: ranks[item.id])


def _micro(time: dt.datetime) -> int:
    return round(time.timestamp() * 1e6)
