"""One attempt: reserve, wait for a place, call, settle, one row. Every attempt of every kind goes through here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from typing import Any

from routebook.config.values import Model
from routebook.engine.admission.hearing import heard
from routebook.engine.admission.limits import Entry, WayIn
from routebook.engine.admission.reserve import bounded, most_output, most_usd
from routebook.engine.params import merged
from routebook.engine.runtime import Runtime
from routebook.engine.settle import opening_row, settled
from routebook.engine.turn import Outcome, Turn
from routebook.engine.watch import Watch
from routebook.errors import DeadlineExceeded, LimitReached, LocalOnlyViolation, RoutebookError
from routebook.events import Started, Waiting
from routebook.messages import Call, Delta, Plan


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
    need_usd = most_usd(runtime, candidate.model, call)
    call = bounded(call, model, need_usd=need_usd, is_capped=bool(runtime.books.budgets) or plan.request.budget_usd is not None)
    outcome = Outcome(attempt=opening_row(turn), need_usd=need_usd)
    asked = asyncio.get_running_loop().time()
    way = runtime.limits.way_in(turn, config=runtime.config, output_tokens=most_output(call, model))
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
