"""A word with an answer of the built-in model: it is small, and it answered because nobody else could."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from routebook.engine.runtime import Runtime
from routebook.messages import Attempt, Plan

MOST: Final = 3
"""So many reasons are told; `%route doctor` has all."""


def last_resort(runtime: Runtime, plan: Plan, attempts: tuple[Attempt, ...], *, model: str) -> tuple[str, ...]:
    """The note for an answer of `model`; none where others could have been asked, or were not wanted."""
    config = runtime.config
    if plan.request.model is not None or config.providers[config.models[model].provider].kind != "embedded":
        return ()
    reasons = list(dict.fromkeys(_reasons(runtime, plan, attempts)))
    if not reasons:
        return ()
    more = f" and {len(reasons) - MOST} more" if len(reasons) > MOST else ""
    return (f"{model} is the small built-in model, and nobody else could answer ({'; '.join(reasons[:MOST])}{more}). %route doctor says what to type.",)  # fmt: skip


def _reasons(runtime: Runtime, plan: Plan, attempts: tuple[Attempt, ...]) -> Iterator[str]:
    known, models = runtime.known, runtime.config.models
    for out in plan.left_out:
        provider = models[out.model].provider if out.model in models else out.model
        if why := known.unusable.get(provider):
            yield f"{provider}: {why.partition(';')[0]}"
        elif why := known.missing.get(out.model):
            yield f"{out.model}: {why.partition(';')[0]}"
    yield from (f"{attempt.model} failed" for attempt in attempts if attempt.error_type is not None)
