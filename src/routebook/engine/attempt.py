"""One attempt: reserve, wait for a place, call, settle, one row. Every attempt of every kind goes through here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Final

from routebook.books.pools import pools_of
from routebook.config.values import Model
from routebook.engine.admission.hearing import heard
from routebook.engine.admission.limits import Entry, WayIn
from routebook.engine.admission.reserve import bounded, most_output, most_usd
from routebook.engine.params import merged
from routebook.engine.rows import write
from routebook.engine.runtime import Runtime
from routebook.engine.settle import opening_row, settled
from routebook.engine.thoughts import with_own_thoughts
from routebook.engine.turn import Outcome, Turn
from routebook.engine.watch import Watch
from routebook.errors import DeadlineExceeded, LimitReached, LocalOnlyViolation, PullFailed, RoutebookError
from routebook.events import Started, Waiting
from routebook.messages import Call, Delta

CALLING: Final = Delta(text="", kind="call")
"""A model writes the arguments of a tool: who prints what is streamed prints nothing of them."""


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
    call = _call(turn, model)
    need_usd = most_usd(runtime, candidate.model, call)
    is_capped = bool(runtime.books.budgets) or plan.request.budget_usd is not None
    call = bounded(call, model, need_usd=need_usd, is_capped=is_capped, is_pooled=bool(pools_of(candidate.model, runtime.books.pools)))
    outcome = Outcome(attempt=opening_row(turn), need_usd=need_usd)
    asked = asyncio.get_running_loop().time()
    way = runtime.limits.way_in(turn, config=runtime.config, output_tokens=most_output(call, model))
    entry = await _enter(runtime, turn, outcome, outcomes, way=way)
    if entry is None:
        return outcome
    outcomes.append(outcome)
    watch: Watch | None = None
    try:
        await runtime.machine.make_room(turn, entry)
        watch = Watch(runtime.machine.patient(model.timeout, entry), until=turn.until, provider=candidate.provider)
        await _stream(runtime, turn, call, outcome, watch, entry=entry)
        outcome.ended = asyncio.get_running_loop().time()
        if turn.check is not None and not outcome.calls:
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
        runtime.machine.saw(outcome, entry)
        said = None if outcome.calls else outcome.text
        end = runtime.books.finish(entry.row, outcome.attempt, claim=entry.claim, heard=heard(outcome, entry.claim.scopes), text=said)
        await write(runtime, outcome, end, until=turn.until, then=partial(runtime.limits.leave, entry))
    return outcome


async def _enter(runtime: Runtime, turn: Turn, outcome: Outcome, outcomes: list[Outcome], *, way: WayIn) -> Entry | None:
    """Come in; `None` when the deadline passed in the queue. Who leaves the queue before the call has a row too."""
    asked = asyncio.get_running_loop().time()
    try:
        await runtime.machine.pulls.fetch(turn)
        return await way.enter(outcome.attempt, need_usd=outcome.need_usd)
    except LimitReached:
        raise
    except PullFailed as error:
        outcome.error = error
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
            await write(runtime, outcome, runtime.books.note(outcome.attempt), until=turn.until)
    return None


async def _stream(runtime: Runtime, turn: Turn, call: Call, outcome: Outcome, watch: Watch, *, entry: Entry) -> None:
    """Call the model and gather what it says."""
    emit, pieces = turn.emit, outcome.pieces
    backend = runtime.backend(turn.candidate.provider, model=turn.candidate.model)
    emit(Started(model=turn.candidate.model, attempt=turn.number))
    runtime.machine.say_loading(turn, entry)
    with watch, _soft_limit(turn, outcome, soft_s=runtime.config.models[turn.candidate.model].timeout.soft_s):
        async with contextlib.aclosing(backend.stream(call)) as events:
            async for event in events:
                if isinstance(event, Delta):
                    watch.token()
                    {"text": pieces, "thinking": outcome.thoughts, "call": outcome.asked}[event.kind].append(event.text)
                    emit(event if event.kind != "call" else CALLING)
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


def _call(turn: Turn, model: Model) -> Call:
    plan, candidate = turn.plan, turn.candidate
    params = merged(plan.request.params, model)
    return Call(
        model_id=model.id,
        messages=with_own_thoughts(plan.request.messages, by=f"{candidate.provider}/{candidate.model}", is_kept=params.think == "keep"),
        params=params,
        stream=plan.request.stream,
        tools=turn.tools,
        may_call=turn.may_call,
        local=plan.local,
        connect_s=model.timeout.connect_s,
    )
