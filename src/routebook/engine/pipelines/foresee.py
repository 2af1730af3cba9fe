"""What the steps of a pipeline would be sent to, before any of them has run: the prompt is there, what the steps will say is not."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from routebook.config.pipelines import Pipeline, Step
from routebook.config.values import Config
from routebook.engine.pipelines.ask import PlanOf
from routebook.engine.pipelines.chunks import chunks, question_of
from routebook.engine.pipelines.step_request import answering, request_of, room_for_chunk, template_of
from routebook.messages import Plan, Value


class Foreseen(Value, frozen=True, kw_only=True):
    """One step."""

    step: Step
    plan: Plan
    """Of the step alone; of one over chunks, of the first of them."""
    parts: int = 1
    """Chunks."""


def foresee(config: Config, plan: Plan, pipeline: Pipeline, *, plan_of: PlanOf) -> list[Foreseen]:
    """Plan each step of a prompt's pipeline; nothing is sent."""
    return [_foresee(config, plan, pipeline, step, number=at, plan_of=plan_of) for at, step in enumerate(pipeline.steps, start=1)]


def calls_of(steps: Sequence[Foreseen]) -> list[Plan]:
    """The plans of all calls of some steps; of one over chunks as many as it has, though only the first is known."""
    plans: list[Plan] = []
    for foreseen in steps:
        other = msgspec.structs.replace(foreseen.plan, request=msgspec.structs.replace(foreseen.plan.request, cache=False))
        plans += [foreseen.plan, *([other] * (foreseen.parts - 1))]
    return plans


def _foresee(config: Config, plan: Plan, pipeline: Pipeline, step: Step, *, number: int, plan_of: PlanOf) -> Foreseen:
    prompt = plan.request.text
    texts = {"prompt": prompt, "question": question_of(prompt), "previous": prompt if number == 1 else ""}
    template = template_of(step, number=number, round_=1)

    def planned(chunk: str) -> Plan:
        named = {**texts, "chunk": chunk}
        is_answer = step.name == answering(pipeline)
        return plan_of(request_of(config, step, plan, template, named, is_answer=is_answer, deadline_s=plan.deadline_s))

    if step.over is None:
        return Foreseen(step=step, plan=planned(""))
    parts = chunks(prompt, tokens=step.chunk_tokens or room_for_chunk(config, planned("")))
    return Foreseen(step=step, plan=planned(parts[0] if parts else ""), parts=len(parts))
