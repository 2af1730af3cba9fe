"""One attempt: reserve, wait for a place, call, settle, one row. Every attempt of every kind goes through here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal

from routebook.config.prices import cost
from routebook.config.values import Model
from routebook.engine.params import merged
from routebook.engine.runtime import Runtime
from routebook.engine.settle import opening_row, settled
from routebook.engine.turn import Outcome, Turn
from routebook.engine.watch import Watch
from routebook.errors import BudgetExceeded, DeadlineExceeded, LocalOnlyViolation, RoutebookError
from routebook.events import Started, Waiting
from routebook.messages import Call, Delta, Plan, Usage

MOST_OUTPUT = 4096
"""Output tokens reserved for when neither the request nor the model says how long an answer may be."""


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
    outcome = Outcome(attempt=opening_row(turn))
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
        outcome.attempt = settled(runtime, turn, outcome, asked=asked, watch=watch)
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
