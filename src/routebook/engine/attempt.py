"""One attempt: reserve, wait for a place, call, settle, one row. Every attempt of every kind goes through here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from decimal import Decimal
from typing import Any

from routebook.config.prices import cost
from routebook.config.values import Model
from routebook.engine.hearing import heard
from routebook.engine.limits import Entry, WayIn
from routebook.engine.params import merged
from routebook.engine.runtime import Runtime
from routebook.engine.settle import opening_row, settled
from routebook.engine.turn import Outcome, Turn
from routebook.engine.watch import Watch
from routebook.errors import BudgetExceeded, DeadlineExceeded, LimitReached, LocalOnlyViolation, RoutebookError
from routebook.events import Started, Waiting
from routebook.messages import Call, Delta, Plan, Usage

MOST_OUTPUT = 4096
"""Output tokens reserved for when neither the request nor the model says how long an answer may be."""


async def attempt(runtime: Runtime, turn: Turn, *, outcomes: list[Outcome]) -> Outcome:
    """Make one attempt and settle it. A failure is in the outcome's `error`; its row is written.

    The outcome joins `outcomes` before the call is made, so that one who is cancelled still has what came.

    Raises:
        BudgetExceeded: a cap could be exceeded; nothing was sent, there is no row.
        LimitReached: there will be no room within the model's limits in time; as above.
        BooksError, DeadlineExceeded: the books cannot be written, or not in time; nothing was sent.
        asyncio.CancelledError: after the row was written.
    """
    plan, candidate = turn.plan, turn.candidate
    if plan.local and candidate.tier != "local":
        raise LocalOnlyViolation(f"{candidate.model} is {candidate.tier}, and nothing of this request may leave the machine.")
    model = runtime.config.models[candidate.model]
    call = _call(plan, model)
    need_usd = _need(runtime, turn, call)
    outcome = Outcome(attempt=opening_row(turn), need_usd=need_usd)
    _check_cell_budget(plan, outcomes, need_usd)
    asked = asyncio.get_running_loop().time()
    way = runtime.limits.way_in(turn, config=runtime.config, output_tokens=_most_output(call, model))
    entry = await _enter(runtime, turn, outcome, outcomes, way=way)
    if entry is None:
        return outcome
    outcomes.append(outcome)
    watch: Watch | None = None
    try:
        watch = Watch(model.timeout, until=turn.until, provider=candidate.provider)
        await _stream(runtime, turn, call, outcome, watch)
        outcome.ended = asyncio.get_running_loop().time()
        if turn.check is not None:
            outcome.error = await turn.check(outcome)
    except RoutebookError as error:
        outcome.error = error
    except asyncio.CancelledError:
        outcome.is_cancelled = True
        raise
    except Exception as error:
        outcome.unforeseen = error
        raise
    finally:
        outcome.attempt = settled(runtime, turn, outcome, asked=asked, watch=watch)
        try:
            heard_of = heard(outcome, entry.claim.scopes)
            await _write(outcome, runtime.books.finish(entry.row, outcome.attempt, claim=entry.claim, heard=heard_of))
        finally:
            runtime.limits.leave(entry)
    return outcome


async def _enter(runtime: Runtime, turn: Turn, outcome: Outcome, outcomes: list[Outcome], *, way: WayIn) -> Entry | None:
    """Come in; `None` when the deadline passed in the queue. Who leaves the queue before the call has a row too."""
    asked = asyncio.get_running_loop().time()
    try:
        return await way.enter(outcome.attempt, need_usd=outcome.need_usd)
    except LimitReached:
        raise
    except DeadlineExceeded as error:
        if not way.is_queued:
            raise
        outcome.error = error
    except asyncio.CancelledError:
        outcome.is_cancelled = way.is_queued
        raise
    finally:
        if outcome.error is not None or outcome.is_cancelled:
            outcomes.append(outcome)
            outcome.attempt = settled(runtime, turn, outcome, asked=asked, watch=None)
            await _write(outcome, runtime.books.note(outcome.attempt))
    return None


async def _write(outcome: Outcome, end: Coroutine[Any, Any, tuple[str, ...]]) -> None:
    """Write the end of the attempt, whatever happens to the task that waits for it."""
    writing = asyncio.ensure_future(end)
    try:
        outcome.notes += await asyncio.shield(writing)
    except asyncio.CancelledError:
        outcome.notes += await writing
        raise


async def _stream(runtime: Runtime, turn: Turn, call: Call, outcome: Outcome, watch: Watch) -> None:
    """Call the model and gather what it says."""
    emit, pieces = turn.emit, outcome.pieces
    backend = runtime.backend(turn.candidate.provider)
    emit(Started(model=turn.candidate.model, attempt=turn.number))
    with watch, _soft_limit(turn, outcome, soft_s=runtime.config.models[turn.candidate.model].timeout.soft_s):
        async with contextlib.aclosing(backend.stream(call)) as events:
            async for event in events:
                if isinstance(event, Delta):
                    watch.token()
                    (pieces if event.kind == "text" else outcome.thoughts).append(event.text)
                    emit(event)
                else:
                    outcome.finish = event


@contextlib.contextmanager
def _soft_limit(turn: Turn, outcome: Outcome, *, soft_s: float | None) -> Iterator[None]:
    """Say so when the call takes longer than it should; it goes on."""
    if soft_s is None:
        yield
        return

    def tell() -> None:
        turn.emit(Waiting(model=turn.candidate.model, place=0, reason=f"it takes longer than the {soft_s:g} s it should"))
        outcome.notes += (f"{turn.candidate.model} took longer than the {soft_s:g} s it should (soft_s).",)

    timer = asyncio.get_running_loop().call_later(soft_s, tell)
    try:
        yield
    finally:
        timer.cancel()


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
    output = _most_output(call, model)
    return None if price is None else cost(price, Usage(input_tokens=turn.plan.input_tokens, output_tokens=output))


def _most_output(call: Call, model: Model) -> int:
    """The longest answer there may be, in tokens."""
    return call.params.max_tokens or model.max_output or MOST_OUTPUT


def _check_cell_budget(plan: Plan, outcomes: list[Outcome], need_usd: Decimal | None) -> None:
    """Keep all attempts of the request within the cell's own `--budget`."""
    cap = plan.request.budget_usd
    spent = sum((_most_spent(outcome) for outcome in outcomes), Decimal(0))
    if cap is not None and need_usd is not None and spent + need_usd > cap:
        raise BudgetExceeded("this cell", period="cell", cap_usd=cap, spent_usd=spent, needed_usd=need_usd, resets_at=None)


def _most_spent(outcome: Outcome) -> Decimal:
    """What an attempt cost, or the most it may still cost while it runs beside another."""
    return (outcome.need_usd if outcome.attempt.status == "running" else outcome.attempt.cost_usd) or Decimal(0)
