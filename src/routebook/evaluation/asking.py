"""One request of an evaluation: to one model, past the cache and the route's reactions, within the wall, and marked in the books."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Final

import msgspec

from routebook.books.ledger import attempts_of
from routebook.engine.admission.reserve import most_usd
from routebook.engine.dispatch import dispatch
from routebook.engine.params import merged
from routebook.engine.request import build_request
from routebook.engine.runtime import Runtime
from routebook.errors import AuthFailed, BudgetExceeded, NoCandidate, RoutebookError, SetupNeeded
from routebook.evaluation.fund import Fund
from routebook.messages import Answer, Call, Classification, Overrides, Plan, Tier, Value
from routebook.plan.planner import make_plan

SPENT: Final = "not sent: what is left of the budget is not enough"
_LEAST_TOKENS: Final = 64
"""Of an answer, where the model's window is small."""


class Bounds(Value, frozen=True, kw_only=True):
    """What holds for every request of an evaluation."""

    tier: Tier | None = None
    is_local: bool = False


class NotSent(Value, frozen=True, kw_only=True):
    """There is no answer, and why."""

    reason: str
    is_final: bool = False
    """Asking the model again will not help."""
    is_passing: bool = False
    """It says nothing of the model, and another prompt may be sent: the budget, the prompt's own wall, its length."""


def plan_of(
    runtime: Runtime, model: str, prompt: str, *, seen: Classification, system: str | None, max_tokens: int, bounds: Bounds,
    request_id: str | None = None, step: str | None = None, reason: str = "evaluation",
) -> Plan:  # fmt: skip
    """Plan a request to one model; the default system message and the route's tools stay away.

    Args:
        runtime: what the router runs on.
        model: whom to ask.
        prompt: what to ask.
        seen: what it is taken for.
        system: the suite's own system message.
        max_tokens: of the answer; fewer where the model's window is small.
        bounds: the wall and the tier.
        request_id: of the answer that this request is about.
        step: `judge` where it is about another's answer.
        reason: of the attempt, in the books.
    """
    context = runtime.config.models[model].context
    room = max_tokens if context is None else min(max_tokens, max(_LEAST_TOKENS, context // 2))
    overrides = Overrides(model=model, system=system, max_tokens=room, tier=bounds.tier, local=bounds.is_local, priority="P3")
    request = build_request(prompt, overrides, config=runtime.config)
    messages = tuple(message for message in request.messages if system is not None or message.role != "system")
    request = msgspec.structs.replace(request, messages=messages, kind="evaluation", tools=(), step=step, id=request_id or request.id)
    plan = make_plan(runtime.config, request, seen, known=runtime.known, rng=runtime.rng)
    candidates = tuple(msgspec.structs.replace(candidate, reason=reason) for candidate in plan.candidates)
    return msgspec.structs.replace(plan, candidates=candidates)


async def ask(runtime: Runtime, plan: Plan, *, fund: Fund, before_usd: Decimal | None = None) -> Answer | NotSent:
    """Ask by a plan, if the most that it may cost is there; what it did cost is paid, whatever came of it.

    `before_usd` is what attempts under the request's id did cost already.
    """
    if not plan.candidates:
        return NotSent(reason=plan.left_out[0].reason if plan.left_out else "it cannot be asked", is_passing=True)
    model, request = plan.candidates[0].model, plan.request
    entry = runtime.config.models[model]
    need = most_usd(runtime, model, Call(model_id=entry.id, messages=request.messages, params=merged(request.params, entry)))
    async with fund.hold(need) as is_held:
        if not is_held:
            return NotSent(reason=SPENT, is_passing=True)
        if fund.budget_usd is not None and need:
            plan = msgspec.structs.replace(plan, request=msgspec.structs.replace(request, budget_usd=need + (before_usd or Decimal(0))))
        try:
            answer = await dispatch(runtime, plan, emit=_deaf)
        except RoutebookError as error:
            fund.pay(await _cost(runtime, request.id, step=request.step))
            is_final = isinstance(error, BudgetExceeded | NoCandidate) or isinstance(error.__cause__, AuthFailed | SetupNeeded)
            return NotSent(reason=_said(error), is_final=is_final)
        fund.pay(answer.cost_usd)
        return answer


async def _cost(runtime: Runtime, request_id: str, *, step: str | None) -> Decimal | None:
    """What attempts did cost that led to no answer."""
    found = await asyncio.to_thread(lambda: runtime.books.read(lambda connection: attempts_of(connection, request_id)))
    costs = [attempt.cost_usd for attempt in found if attempt.step == step]
    return None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0))


def _said(error: RoutebookError) -> str:
    """What went wrong, without what to do about it in a cell."""
    cause = error.__cause__ if isinstance(error.__cause__, RoutebookError) else error
    return f"{type(cause).__name__}: {str(cause).splitlines()[0]}"[:300]


def _deaf(_event: object) -> None:
    """Nobody reads along."""
