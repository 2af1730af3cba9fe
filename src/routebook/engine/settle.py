"""An attempt as a row of the books: how it begins, and how it ended."""

from __future__ import annotations

import asyncio
import datetime as dt
from decimal import Decimal

import msgspec

from routebook.config.prices import baseline, cost
from routebook.engine.runtime import Runtime
from routebook.engine.turn import Outcome, Turn
from routebook.engine.watch import Watch
from routebook.errors import DeadlineExceeded, LowQuality, ProviderError, Refused, TimedOut
from routebook.messages import Attempt, FinishReason, Plan, Status, Usage
from routebook.plan.candidates import models_of
from routebook.text import estimate_tokens


def opening_row(turn: Turn) -> Attempt:
    """The row of an attempt that is about to be made."""
    plan, request, candidate = turn.plan, turn.plan.request, turn.candidate
    seen = plan.classification
    return Attempt(
        time=dt.datetime.now(dt.UTC), request_id=request.id, attempt=turn.number, kind=turn.kind,
        notebook=request.notebook, cell_id=request.cell_id, step=request.step,
        task=seen.task, complexity=seen.complexity, strength=seen.strength,
        route=plan.route, agent=request.agent, priority=plan.priority,
        model=candidate.model, provider=candidate.provider, tier=candidate.tier, pool=candidate.pool,
        status="running", reason=turn.reason,
    )  # fmt: skip


def settled(runtime: Runtime, turn: Turn, outcome: Outcome, *, asked: float, watch: Watch | None) -> Attempt:
    """The row as it ended."""
    now = outcome.ended or asyncio.get_running_loop().time()
    usage = _usage(turn, outcome, was_sent=watch is not None)
    ttft_s = watch.first - watch.sent if watch and watch.first is not None else None
    status, reason = _status(outcome)
    error = outcome.error or outcome.unforeseen
    if status == "ok" or isinstance(error, LowQuality | Refused):  # it answered, whatever the answer is worth
        load_s = _load_s(outcome, ttft_s)
        runtime.known.state(turn.candidate.model).saw_answer(
            ttft_s=None if ttft_s is None else ttft_s - load_s,
            latency_s=now - (watch.sent if watch else asked) - load_s,
            output_tokens=usage.output_tokens,
        )
    return msgspec.structs.replace(
        outcome.attempt,
        status=status,
        error_type=type(error).__name__ if error else None,
        error=str(outcome.error) if outcome.error else "this was not foreseen" if error else None,  # its words might hold a secret
        queue_s=(watch.sent if watch else now) - asked,
        ttft_s=ttft_s,
        latency_s=now - watch.sent if watch else None,
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
        thinking_tokens=_thinking(usage, outcome),
        tokens_estimated=usage.is_estimated,
        cost_usd=_cost(runtime, turn.candidate.model, usage),
        baseline_usd=_baseline(runtime, turn.plan, usage),
        finish_reason=reason,
        reason=f"{outcome.attempt.reason}; that it declined is a guess by its words" if _is_guess(error) else outcome.attempt.reason,
    )


def _load_s(outcome: Outcome, ttft_s: float | None) -> float:
    """How much of the time to the first token loading the model took, which is counted apart: it comes only when the model is not loaded."""
    told = outcome.finish.timings.get("load_s", 0.0) if outcome.finish is not None else 0.0
    return min(told, ttft_s or 0.0)


def _is_guess(error: Exception | None) -> bool:
    return isinstance(error, Refused) and error.is_guess


def _status(outcome: Outcome) -> tuple[Status, FinishReason | None]:
    if outcome.is_cancelled:
        return "cancelled", "cancelled"
    if outcome.unforeseen is not None:
        return "error", "error"
    match outcome.error:
        case None:
            return "ok", outcome.finish.reason if outcome.finish else "stop"
        case Refused():
            return "refused", "refusal"
        case LowQuality():
            return "error", outcome.finish.reason if outcome.finish else "stop"
        case ProviderError() as error:
            return error.outcome, "error"
        case DeadlineExceeded():
            return "timeout", "error"
        case _:
            return "error", "error"


def _usage(turn: Turn, outcome: Outcome, *, was_sent: bool) -> Usage:
    """What the call used: as reported, else estimated from what went out and what came."""
    told = outcome.finish or (outcome.error if isinstance(outcome.error, ProviderError) else None)
    reported = (told.usage if told is not None else None) or Usage()
    if reported.output_tokens is not None:
        return reported
    came = outcome.text + "".join(outcome.thoughts) + "".join(outcome.asked)
    if not was_sent or not (came or _was_taken(outcome)):
        return Usage(input_tokens=0, output_tokens=0)  # nothing was answered, so nothing is billed
    return msgspec.structs.replace(
        reported,
        input_tokens=turn.plan.input_tokens if reported.input_tokens is None else reported.input_tokens,
        output_tokens=estimate_tokens(came) if came else 0,
        is_estimated=True,
    )


def _thinking(usage: Usage, outcome: Outcome) -> int | None:
    """Tokens of the output that were thought: as reported, else estimated from what was thought aloud, which is never more than all."""
    if usage.thinking_tokens is not None or not outcome.thoughts:
        return usage.thinking_tokens
    aloud = estimate_tokens("".join(outcome.thoughts))
    return aloud if usage.output_tokens is None else min(aloud, usage.output_tokens)


def _was_taken(outcome: Outcome) -> bool:
    """Whether the provider worked on a call without a word of answer: it did not fail, or we hung up first."""
    error = outcome.error or outcome.unforeseen
    return error is None or (isinstance(error, TimedOut) and error.phase != "connect")


def _cost(runtime: Runtime, model: str, usage: Usage) -> Decimal | None:
    """As the provider reported it, else by the price; `None` when neither is known. A call that used nothing costs nothing."""
    if usage.cost_usd is None and not usage.input_tokens and not usage.output_tokens:
        return Decimal(0)
    return cost(runtime.price(model, input_tokens=usage.input_tokens), usage)


def _baseline(runtime: Runtime, plan: Plan, usage: Usage) -> Decimal | None:
    """What the dearest candidate would have cost for the same tokens."""
    return baseline(runtime.highest(models_of(plan.candidates), input_tokens=usage.input_tokens), usage=usage)
