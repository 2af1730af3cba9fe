"""Asks one step of a pipeline: once, or of each chunk of the prompt, all at once as far as the limits let them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from routebook.config.pipelines import Pipeline, Step
from routebook.engine.cache.caching import answered
from routebook.engine.pipelines.chunks import chunks
from routebook.engine.pipelines.ear import Ear
from routebook.engine.pipelines.outcome import Piece
from routebook.engine.pipelines.step_request import answering, request_of, room_for_chunk
from routebook.engine.runtime import Runtime
from routebook.engine.turn import Emit
from routebook.errors import DeadlineExceeded, UsageError
from routebook.events import StepBegan, StepDelta
from routebook.messages import Answer, Plan, Request

MOST_CHUNKS: Final = 500
AT_ONCE: Final = 64
"""Chunks that are dispatched; those beyond hold no place in any queue."""

PlanOf = Callable[[Request], Plan]
Texts = Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Asker:
    """Asks the steps of one prompt."""

    runtime: Runtime
    plan: Plan
    pipeline: Pipeline
    plan_of: PlanOf
    emit: Emit
    until: float
    """The deadline of all steps, in the loop's time."""

    async def once(self, step: Step, template: str, texts: Texts, *, piece: Piece, began: StepBegan, is_last: bool) -> None:
        """Ask once; of the last step of all, what comes is the answer."""
        self.emit(began)
        ear = Ear(self.emit, step=step.name, is_answer=is_last, pieces=piece.answers)
        piece.answers[:] = [await self._one(step, template, texts, ear=ear)]

    async def each(self, step: Step, template: str, texts: Texts, *, piece: Piece, began: StepBegan) -> None:
        """Ask of each chunk; the first failure ends the others."""
        tokens = step.chunk_tokens or self._room(step, template, texts)
        parts = await asyncio.to_thread(chunks, self.plan.request.text, tokens=tokens)
        if len(parts) > MOST_CHUNKS:
            raise UsageError(
                f"The prompt makes {len(parts):,} chunks, and at most {MOST_CHUNKS} are asked: raise chunk_tokens of step {step.name!r}."
            )
        self.emit(StepBegan(step=began.step, number=began.number, of=began.of, round=began.round, parts=len(parts)))
        try:
            piece.answers[:] = await self._together(step, template, texts, parts, piece=piece)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _together(self, step: Step, template: str, texts: Texts, parts: Sequence[str], *, piece: Piece) -> list[Answer]:
        places = asyncio.Semaphore(AT_ONCE)

        async def one(number: int, chunk: str) -> Answer:
            async with places:
                named = {**texts, "chunk": chunk, "number": str(number), "count": str(len(parts))}
                ear = Ear(self.emit, step=step.name, is_answer=False, pieces=piece.answers, is_part=True)
                answer = await self._one(step, template, named, ear=ear)
                self.emit(StepDelta(step=step.name, text=answer.text, part=number))
                return answer

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(number, chunk)) for number, chunk in enumerate(parts, start=1)]
        return [task.result() for task in tasks]

    async def _one(self, step: Step, template: str, texts: Texts, *, ear: Ear) -> Answer:
        """One request: planned, and dispatched unless the cache has its answer."""
        left_s = self.until - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise DeadlineExceeded(
                f"The {self.plan.deadline_s:g} s of the whole pipeline were over before its step {step.name!r}. "
                "Raise --deadline, or defaults.deadline_s in routing.toml."
            )
        is_answer = step.name == answering(self.pipeline)
        request = request_of(self.runtime.config, step, self.plan, template, texts, is_answer=is_answer, deadline_s=left_s)
        return await answered(self.runtime, self.plan_of(request), emit=ear)

    def _room(self, step: Step, template: str, texts: Texts) -> int:
        """How long a chunk may be where the step does not say."""
        around = request_of(self.runtime.config, step, self.plan, template, {**texts, "chunk": ""}, is_answer=False, deadline_s=1.0)
        return room_for_chunk(self.runtime.config, self.plan_of(around))
