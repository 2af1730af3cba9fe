"""What a step is asked, as a request: what the step says, over what the caller said of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from routebook.config.pipelines import Pipeline, Step
from routebook.config.template import filled, names_in
from routebook.config.values import Config
from routebook.messages import Message, Plan, Request, ToolNote
from routebook.plan.planner import ANSWER_ROOM
from routebook.text import estimate_tokens

LEAST_CHUNK: Final = 256
UNSAID: Final = 6_000
"""Tokens of a prompt that a model of which nothing is known handles well: the window of the smallest is 8,192."""


def template_of(step: Step, *, number: int, round_: int) -> str:
    """What a step is asked in a round; `number` is its place, from 1."""
    if round_ > 1 and step.again is not None:
        return step.again
    if step.input is not None:
        return step.input
    return "{{chunk}}" if step.over else "{{prompt}}" if number == 1 else "{{previous}}"


def answering(pipeline: Pipeline) -> str:
    """The step whose text is the answer, as far as it can be known before any has run."""
    named = [step.name for step in pipeline.steps if not step.yes]
    return pipeline.answer or (named[-1] if named else pipeline.steps[-1].name)


def request_of(
    config: Config, step: Step, plan: Plan, template: str, texts: Mapping[str, str], *, is_answer: bool, deadline_s: float
) -> Request:
    """The request of a step, with the id of the whole.

    Args:
        config: names the tools.
        step: which.
        plan: of the whole prompt: its wall is the step's, and its request's options are, where the step has none.
        template: what it is asked.
        texts: what its names stand for.
        is_answer: the schema of the whole is for this step.
        deadline_s: what is left of the whole's time.
    """
    whole = plan.request
    *before, prompt = whole.messages
    system = [Message(role="system", content=step.role)] if step.role else [one for one in before if one.role == "system"]
    history = [one for one in before if one.role != "system"] if "prompt" in names_in(template) else []
    params = whole.params
    return msgspec.structs.replace(
        whole,
        messages=(*system, *history, msgspec.structs.replace(prompt, content=filled(template, texts) or " ")),
        params=msgspec.structs.replace(
            params,
            max_tokens=step.max_tokens or params.max_tokens,
            temperature=params.temperature if step.temperature is None else step.temperature,
            think=step.thinking or params.think,
            json_schema=params.json_schema if is_answer else None,
        ),
        shape=whole.shape if is_answer else None,
        model=step.model or (None if step.route else whole.model),
        route=step.route or whole.route,
        local=plan.local,
        tools=_tools(config, step, whole),
        deadline_s=deadline_s,
        pipeline=None,
        step=step.name,
        kind="judge" if step.yes else whole.kind,
    )


def _tools(config: Config, step: Step, whole: Request) -> tuple[ToolNote, ...] | None:
    """What its models are told of; who only judges needs none."""
    if step.tools is None:
        return () if step.yes else whole.tools
    return tuple(config.tools[name].note(name) for name in dict.fromkeys(step.tools))


def room_for_chunk(config: Config, plan: Plan) -> int:
    """Tokens of a chunk that the first model of a step's plan, made without a chunk, handles well beside all that stands around it."""
    model = config.models[plan.candidates[0].model] if plan.candidates else None
    well = (model.practical_context or model.context) if model is not None else None
    around = sum(estimate_tokens(message.content) for message in plan.request.messages)
    return max(LEAST_CHUNK, (well or UNSAID) - around - (plan.request.params.max_tokens or ANSWER_ROOM))
