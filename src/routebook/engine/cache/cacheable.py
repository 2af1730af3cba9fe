"""Which requests the cache may answer, for how long, and which answers it keeps."""

from __future__ import annotations

from typing import Final

from routebook.books.cache import Kept
from routebook.config.values import Config, Route
from routebook.engine.cache.fingerprint import fingerprint
from routebook.messages import Answer, Plan

DAY_S: Final = 86_400.0
"""The life of an answer whose caller wants it kept, where `routing.toml` says nothing."""


def cache_key(config: Config, plan: Plan) -> tuple[bytes, float] | None:
    """The key of a plan's request and the seconds its answer lives; `None` when it is not cached."""
    if plan.request.cache is False or not all(note.cache for note in plan.tools):
        return None
    route = next(route for route in config.routes if route.name == plan.route)
    life_s = _life_s(config, plan, route)
    key = fingerprint(config, plan, route) if life_s else None
    return None if key is None else (key, life_s)


def _life_s(config: Config, plan: Plan, route: Route) -> float:
    """What the caller says, else the route, else the task or all tasks; 0 for none.

    One who asks for a temperature wants another answer each time: only the caller or the route itself can say otherwise.
    """
    request = plan.request
    if request.cache is not None and request.cache is not True:
        return float(request.cache)
    if route.cache is not None:
        said_s: float | None = route.cache.ttl_s
    elif request.params.temperature and not request.cache:
        said_s = None
    else:
        said_s = config.cache.tasks.get(plan.classification.task, config.cache.ttl_s)
    return said_s or (DAY_S if request.cache else 0.0)


def kept_of(answer: Answer) -> Kept:
    """An answer as the cache keeps it."""
    by = answer.attempt
    return Kept(
        text=answer.text,
        thinking=answer.thinking,
        asked_at=answer.attempts[0].time,
        request_id=answer.request_id,
        model=by.model,
        provider=by.provider,
        tier=by.tier,
        pool=by.pool,
        cost_usd=answer.cost_usd,
    )


def is_worth_keeping(answer: Answer) -> bool:
    """Whether an answer came to its end and passed: no refusal, failed check, cut-off or broken or empty answer."""
    return answer.finish_reason == "stop" and answer.attempt.status == "ok" and bool(answer.text.strip())
