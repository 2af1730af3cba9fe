"""One attempt: reserve, wait for a place, call, settle, one row. Every attempt of every kind goes through here."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from routebook.config.prices import baseline, cost
from routebook.config.values import Model
from routebook.engine.params import merged
from routebook.engine.runtime import Runtime
from routebook.engine.watch import Watch
from routebook.errors import BudgetExceeded, DeadlineExceeded, LocalOnlyViolation, ProviderError, Refused, RoutebookError, TimedOut
from routebook.messages import (
    Attempt,
    Call,
    Candidate,
    Delta,
    Event,
    Finish,
    FinishReason,
    Kind,
    Plan,
    Started,
    Status,
    Usage,
    Waiting,
)  # fmt: skip
from routebook.text import estimate_tokens

MOST_OUTPUT = 4096
"""Output tokens reserved for when neither the request nor the model says how long an answer may be."""

Emit = Callable[[Event], None]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How an attempt ended; filled while it runs, so that what came before a failure is kept."""

    attempt: Attempt
    """As it stands in the books."""
    pieces: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    finish: Finish | None = None
    error: RoutebookError | None = None
    unforeseen: Exception | None = None
    """What is no error of ours; it goes on to the caller."""
    is_cancelled: bool = False
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What came, whole or not."""
        return "".join(self.pieces)


@dataclass(slots=True, kw_only=True)
class Turn:
    """What one attempt is about."""

    plan: Plan
    candidate: Candidate
    number: int
    kind: Kind
    reason: str
    until: float
    """The request's deadline, in the loop's time."""
    emit: Emit


async def attempt(runtime: Runtime, turn: Turn, *, outcomes: list[Outcome]) -> Outcome:
    """Make one attempt and settle it. A failure is in the outcome's `error`; its row is written.

    The outcome joins `outcomes` before the call is made, so that one who is cancelled still has what came.

    Raises:
        BudgetExceeded: a cap could be exceeded; nothing was sent, there is no row.
        BooksError, DeadlineExceeded: the books cannot be written, or not in time; nothing was sent.
        asyncio.CancelledError: after the row was written.
    """
    plan, candidate = turn.plan, turn.candidate
    if plan.local and candidate.tier != "local":
        raise LocalOnlyViolation(f"{candidate.model} is {candidate.tier}, and nothing of this request may leave the machine.")
    model = runtime.config.models[candidate.model]
    call = _call(plan, model)
    outcome = Outcome(attempt=_row(turn))
    need_usd = _need(runtime, turn, call)
    _check_cell_budget(plan, outcomes, need_usd)
    row = await _enter(runtime, turn, outcome, need_usd=need_usd)
    outcomes.append(outcome)
    asked = asyncio.get_running_loop().time()
    watch: Watch | None = None
    try:
        async with _place(runtime, turn):
            watch = Watch(model.timeout, until=turn.until, provider=candidate.provider)
            await _stream(runtime, turn, call, outcome, watch)
    except RoutebookError as error:
        outcome.error = error
    except asyncio.CancelledError:
        outcome.is_cancelled = True
        raise
    except Exception as error:
        outcome.unforeseen = error
        raise
    finally:
        outcome.attempt = _settled(runtime, turn, outcome, asked=asked, watch=watch)
        outcome.notes = await _write(runtime, row, outcome)
    return outcome


async def _enter(runtime: Runtime, turn: Turn, outcome: Outcome, *, need_usd: Decimal | None) -> int:
    """Write the row with which the attempt begins, before the deadline; return its id."""
    try:
        async with asyncio.timeout_at(turn.until):
            return await runtime.books.start(outcome.attempt, need_usd=need_usd)
    except TimeoutError as error:
        patience = f"the request's {turn.plan.deadline_s:g} s"
        raise DeadlineExceeded(f"The books could not be written within {patience}: another program holds them. Close it.") from error


async def _write(runtime: Runtime, row: int, outcome: Outcome) -> tuple[str, ...]:
    """Write the end of the attempt, whatever happens to the task that waits for it."""
    writing = asyncio.ensure_future(runtime.books.finish(row, outcome.attempt))
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        outcome.notes = await writing
        raise


@contextlib.asynccontextmanager
async def _place(runtime: Runtime, turn: Turn) -> AsyncIterator[None]:
    """A place at the model and its provider, before the deadline."""
    name, state = turn.candidate.model, runtime.known.state(turn.candidate.model)

    def tell(place: int) -> None:
        turn.emit(Waiting(model=name, place=place, reason="all its places are taken"))

    gate = runtime.gates.place(name, priority=turn.plan.priority, on_place=tell)
    async with contextlib.AsyncExitStack() as stack:
        state.queued += 1
        try:
            async with asyncio.timeout_at(turn.until):
                await stack.enter_async_context(gate)
        except TimeoutError as error:
            patience = f"the request's {turn.plan.deadline_s:g} s"
            raise DeadlineExceeded(f"No place at {name} came free within {patience}. Raise its max_concurrent or the deadline.") from error
        finally:
            state.queued -= 1
        state.in_flight += 1
        try:
            yield
        finally:
            state.in_flight -= 1


async def _stream(runtime: Runtime, turn: Turn, call: Call, outcome: Outcome, watch: Watch) -> None:
    """Call the model and gather what it says."""
    emit, pieces = turn.emit, outcome.pieces
    backend = runtime.backend(turn.candidate.provider)
    emit(Started(model=turn.candidate.model, attempt=turn.number))
    with watch:
        async with contextlib.aclosing(backend.stream(call)) as events:
            async for event in events:
                if isinstance(event, Delta):
                    watch.token()
                    (pieces if event.kind == "text" else outcome.thoughts).append(event.text)
                    emit(event)
                else:
                    outcome.finish = event


def _call(plan: Plan, model: Model) -> Call:
    return Call(
        model_id=model.id,
        messages=plan.request.messages,
        params=merged(plan.request.params, model),
        stream=plan.request.stream,
        local=plan.local,
        connect_s=model.timeout.connect_s,
    )


def _need(runtime: Runtime, turn: Turn, call: Call) -> Decimal | None:
    """The most the call may cost: all its input at full price, and the longest answer it may give."""
    price = runtime.price(turn.candidate.model, input_tokens=turn.plan.input_tokens)
    model = runtime.config.models[turn.candidate.model]
    output = call.params.max_tokens or model.max_output or MOST_OUTPUT
    return None if price is None else cost(price, Usage(input_tokens=turn.plan.input_tokens, output_tokens=output))


def _check_cell_budget(plan: Plan, outcomes: list[Outcome], need_usd: Decimal | None) -> None:
    """Keep all attempts of the request within the cell's own `--budget`."""
    cap = plan.request.budget_usd
    spent = sum((outcome.attempt.cost_usd or Decimal(0) for outcome in outcomes), Decimal(0))
    if cap is not None and need_usd is not None and spent + need_usd > cap:
        raise BudgetExceeded("this cell", period="cell", cap_usd=cap, spent_usd=spent, needed_usd=need_usd, resets_at=None)


def _row(turn: Turn) -> Attempt:
    """The row of an attempt that is about to be made."""
    plan, request, candidate = turn.plan, turn.plan.request, turn.candidate
    seen = plan.classification
    return Attempt(
        time=dt.datetime.now(dt.UTC), request_id=request.id, attempt=turn.number, kind=turn.kind,
        notebook=request.notebook, cell_id=request.cell_id,
        task=seen.task, complexity=seen.complexity, strength=seen.strength,
        route=plan.route, agent=request.agent, priority=plan.priority,
        model=candidate.model, provider=candidate.provider, tier=candidate.tier, pool=candidate.pool,
        status="running", reason=turn.reason,
    )  # fmt: skip


def _settled(runtime: Runtime, turn: Turn, outcome: Outcome, *, asked: float, watch: Watch | None) -> Attempt:
    """The row as it ended."""
    now = asyncio.get_running_loop().time()
    usage = _usage(turn, outcome, was_sent=watch is not None)
    ttft_s = watch.first - watch.sent if watch and watch.first is not None else None
    status, reason = _status(outcome)
    error = outcome.error or outcome.unforeseen
    if status == "ok":
        runtime.known.state(turn.candidate.model).saw_answer(
            ttft_s=ttft_s, latency_s=now - (watch.sent if watch else asked), output_tokens=usage.output_tokens
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
        tokens_estimated=usage.is_estimated,
        cost_usd=_cost(runtime, turn.candidate.model, usage),
        baseline_usd=_baseline(runtime, turn.plan, usage),
        finish_reason=reason,
    )


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
        case ProviderError() as error:
            return error.outcome, "error"
        case DeadlineExceeded():
            return "timeout", "error"
        case _:
            return "error", "error"


def _usage(turn: Turn, outcome: Outcome, *, was_sent: bool) -> Usage:
    """What the call used: as reported, else estimated from what went out and what came."""
    reported = outcome.finish.usage if outcome.finish is not None else Usage()
    if reported.output_tokens is not None:
        return reported
    came = outcome.text + "".join(outcome.thoughts)
    if not was_sent or not (came or _was_taken(outcome)):
        return Usage(input_tokens=0, output_tokens=0)  # nothing was answered, so nothing is billed
    return msgspec.structs.replace(
        reported,
        input_tokens=turn.plan.input_tokens if reported.input_tokens is None else reported.input_tokens,
        output_tokens=estimate_tokens(came) if came else 0,
        is_estimated=True,
    )


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
    return baseline((runtime.price(candidate.model, input_tokens=usage.input_tokens) for candidate in plan.candidates), usage=usage)
