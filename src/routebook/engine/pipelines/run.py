"""Goes through the steps of a pipeline. Each is dispatched as every request is; here is decided which comes next."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

import msgspec

from routebook.config.pipelines import Pipeline, Step
from routebook.engine.pipelines.ask import Asker, PlanOf
from routebook.engine.pipelines.chunks import question_of
from routebook.engine.pipelines.outcome import Piece, whole_answer
from routebook.engine.pipelines.step_request import answering, template_of
from routebook.engine.pipelines.verdict import Verdict, verdict_of
from routebook.engine.runtime import Runtime
from routebook.engine.turn import Emit
from routebook.errors import AllAttemptsFailed, BudgetExceeded, LimitReached, NoCandidate, ProviderError, UsageError
from routebook.events import Decision, Done, StepBegan, StepEnded
from routebook.messages import Answer, Delta, Plan

MOST_SAID: Final = 300
"""Characters of a verdict that the answer's note quotes."""
_WITHOUT: Final = (AllAttemptsFailed, BudgetExceeded, LimitReached, NoCandidate, ProviderError)
"""What an optional step may fail with; of a deadline nothing is left for the steps behind it."""


async def run_pipeline(runtime: Runtime, plan: Plan, name: str, *, plan_of: PlanOf, emit: Emit) -> Answer:
    """Answer a prompt by a pipeline's steps; emit what happens, `Done` last (also after a cancellation).

    All steps share the request's id, its deadline, its `--budget`, its wall and tier; each is planned, limited, cached and written down as a
    request of its own.

    Args:
        runtime: what they run on.
        plan: of the prompt itself, for its deadline and its wall.
        name: the pipeline's.
        plan_of: plans a step.
        emit: takes what happens.

    Raises:
        As `dispatch` does, for the first step that fails and is not optional; a note says which.
        UsageError: the prompt makes too many chunks, or a step's check cannot be loaded.
    """
    plan = msgspec.structs.replace(plan, request=msgspec.structs.replace(plan.request, pipeline=name))
    pipeline, until = runtime.config.pipelines[name], asyncio.get_running_loop().time() + plan.deadline_s
    run = _Run(plan, pipeline, Asker(runtime=runtime, plan=plan, pipeline=pipeline, plan_of=plan_of, emit=emit, until=until), emit)
    emit(Decision(plan=plan))
    runtime.numbers.begin(plan.request.id)
    try:
        answer = await run.run()
    except asyncio.CancelledError:
        if run.pieces:
            emit(Done(answer=run.answer(is_cancelled=True)))
        raise
    finally:
        runtime.numbers.end(plan.request.id)
    emit(Done(answer=answer))
    return answer


@dataclass(slots=True)
class _Run:
    """How far a prompt has come."""

    plan: Plan
    pipeline: Pipeline
    asker: Asker
    emit: Emit
    round: int = 1
    texts: dict[str, str] = field(default_factory=dict)
    """What templates may use, by name."""
    pieces: list[Piece] = field(default_factory=list)
    """What each step came to, in the order they ran."""
    notes: list[str] = field(default_factory=list)
    verdict: Verdict | None = None
    """The last one, by `judge`."""
    judge: str = ""
    is_streamed: bool = False
    """The answer has been told already, as it came."""

    async def run(self) -> Answer:
        """Go through the steps, and through some of them again, as long as rounds are left."""
        prompt = self.plan.request.text
        self.texts = {"prompt": prompt, "question": question_of(prompt), "previous": prompt, "verdict": ""}
        steps, at = self.pipeline.steps, 0
        places = {step.name: place for place, step in enumerate(steps)}
        while at < len(steps):
            step = steps[at]
            at += 1
            if not self.holds(step):
                continue
            await self.take(step, number=at)
            if step.then is not None:
                self.round, at = self.round + 1, places[step.then]
        if not self.pieces:
            raise UsageError(f"No step of pipeline {self.plan.request.pipeline!r} ran: each has a condition, and none of them holds.")
        self.say_what_was_not_accepted()
        answer = self.answer()
        if not self.is_streamed:
            self.tell(answer)
        return answer

    def holds(self, step: Step) -> bool:
        """Whether a step is to run now; what leads back to another round is of no use when none is left."""
        if step.then is not None and self.round >= self.pipeline.rounds:
            return False
        is_so = {
            "always": True,
            "low_quality": self.verdict is not None and not self.verdict.is_yes,
            "checkpoint": self.round % self.pipeline.checkpoint == 0,
        }
        return all(is_so[condition] for condition in step.conditions)

    async def take(self, step: Step, *, number: int) -> None:
        """Run a step, and keep what came of it."""
        piece = Piece(step=step.name, is_verdict=bool(step.yes))
        self.pieces.append(piece)
        try:
            await self.ask(step, piece, number=number)
        except _WITHOUT as error:
            piece.give_up(getattr(error, "attempts", ()))
            if not step.optional:
                error.add_note(f"This was step {step.name!r} of pipeline {self.plan.request.pipeline!r}.")
                raise
            self.notes.append(f"Step {step.name!r} got no answer, and was left out: {error}")
        piece.is_done = True
        self.texts[step.name] = self.texts["previous"] = piece.text
        found = await verdict_of(step, piece.text, piece.answers[-1]) if piece.answers else None
        if found is not None:
            self.verdict, self.judge, self.texts["verdict"] = found, step.name, found.words
            piece.verdict = found.is_yes
        self.emit(StepEnded(step=step.name, text=piece.text, answers=tuple(piece.answers), verdict=piece.verdict))

    async def ask(self, step: Step, piece: Piece, *, number: int) -> None:
        """Ask once, or of each chunk."""
        template = template_of(step, number=number, round_=self.round)
        began = StepBegan(step=step.name, number=number, of=len(self.pipeline.steps), round=self.round)
        if step.over is not None:
            await self.asker.each(step, template, self.texts, piece=piece, began=began)
            return
        self.is_streamed = is_last = self.is_last(step, number)
        await self.asker.once(step, template, self.texts, piece=piece, began=began, is_last=is_last)

    def is_last(self, step: Step, number: int) -> bool:
        """Whether a step's text is the answer for certain, so that it can be shown as such while it comes."""
        is_end = number == len(self.pipeline.steps) and step.then is None and not step.optional
        return is_end and step.name == answering(self.pipeline)

    def say_what_was_not_accepted(self) -> None:
        """Note that the last word on the answer was no."""
        if self.verdict is not None and not self.verdict.is_yes and self.pieces[-1].step == self.judge:
            said = " ".join(self.verdict.words.split())
            said = said if len(said) <= MOST_SAID else f"{said[:MOST_SAID]}…"
            self.notes.append(f"{self.judge} said no in round {self.round} of {self.pipeline.rounds}: {said}")

    def answer(self, *, is_cancelled: bool = False) -> Answer:
        """What the steps led to so far."""
        return whole_answer(self.plan, self.pieces, named=self.pipeline.answer, notes=self.notes, is_cancelled=is_cancelled)

    def tell(self, answer: Answer) -> None:
        """Tell an answer whose text came as one of several steps."""
        if answer.thinking:
            self.emit(Delta(text=answer.thinking, kind="thinking"))
        if answer.text:
            self.emit(Delta(text=answer.text))
