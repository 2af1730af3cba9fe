"""Which pipeline a prompt goes through, if any."""

from __future__ import annotations

from routebook.config.values import Config
from routebook.messages import Plan
from routebook.plan.planner import ANSWER_ROOM


def pipeline_of(config: Config, plan: Plan) -> str | None:
    """The pipeline that the caller names, else its route's: `long` where no candidate handles so long a prompt well, else `pipeline`.

    One who names a model wants that model's answer, and a judge is asked by somebody who has a plan of his own.
    """
    request = plan.request
    if request.pipeline is not None:
        return request.pipeline
    if request.model is not None or request.kind != "answer":
        return None
    route = next(route for route in config.routes if route.name == plan.route)
    return route.long if route.long is not None and is_long(config, plan) else route.pipeline


def is_long(config: Config, plan: Plan) -> bool:
    """Whether a prompt is longer than every candidate handles well; where there is none, than a window that left one out."""
    if plan.candidates:
        limits = [config.models[candidate.model].practical_context for candidate in plan.candidates]
        return all(limit is not None and plan.input_tokens > limit for limit in limits)
    needed = plan.input_tokens + (plan.request.params.max_tokens or ANSWER_ROOM)
    windows = [config.models[out.model].context for out in plan.left_out if out.model in config.models]
    return any(window is not None and needed > window for window in windows)
