"""A request that took no call of its own: its answer, and its row in the books."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
from decimal import Decimal

import msgspec

from routebook.books import cache, ledger
from routebook.books.books import Books
from routebook.books.cache import Kept
from routebook.engine.rows import LATE_S
from routebook.errors import BooksError
from routebook.messages import Answer, Attempt, FinishReason, Plan, Replay, Status


def replayed(
    plan: Plan, kept: Kept, *, now: dt.datetime, is_shared: bool, status: Status = "cached", finish: FinishReason = "stop", number: int = 1
) -> Answer:
    """The answer to a plan by what another request was answered.

    `now` is when it was asked, `is_shared` says that the two are under way together, `number` is the attempt's.
    """
    return Answer(
        text=kept.text,
        thinking=kept.thinking,
        request_id=plan.request.id,
        plan=plan,
        attempts=(_row(plan, kept, now=now, is_shared=is_shared, status=status, finish=finish, number=number),),
        finish_reason=finish,
        replay=Replay(asked_at=kept.asked_at, cost_usd=kept.cost_usd, request_id=kept.request_id, is_shared=is_shared),
    )


async def written(books: Books, answer: Answer, *, took_s: float, until: float) -> Answer:
    """Write the row of a replayed answer, and count what it saved; an answer that cannot be written says so in its notes.

    It is not waited for beyond the request's deadline, `until`: it is on its way then.
    """
    row = msgspec.structs.replace(answer.attempt, latency_s=took_s)
    answer = msgspec.structs.replace(answer, attempts=(row,))

    def work(connection: sqlite3.Connection) -> None:
        ledger.start(connection, row, session=books.session)
        if row.status == "cached" and answer.replay is not None:
            cache.count_hit(connection, row.baseline_usd)
            cache.given(connection, answer.request_id, of=answer.replay.request_id)

    try:
        async with asyncio.timeout_at(until + LATE_S):
            await books.write(work)
    except TimeoutError:
        return answer
    except BooksError as error:
        return msgspec.structs.replace(answer, notes=(f"{error} That this answer cost nothing is not in the books.",))
    return answer


def _row(plan: Plan, kept: Kept, *, now: dt.datetime, is_shared: bool, status: Status, finish: FinishReason, number: int) -> Attempt:
    """The model that answered then, no tokens, no cost; `baseline_usd` is what it saved."""
    request, seen = plan.request, plan.classification
    where = "shares the call of" if is_shared else f"from the cache, asked at {kept.asked_at:%Y-%m-%d %H:%M} UTC by"
    return Attempt(
        time=now, request_id=request.id, attempt=number, kind="cache", notebook=request.notebook, cell_id=request.cell_id, step=request.step,
        task=seen.task, complexity=seen.complexity, strength=seen.strength, route=plan.route, agent=request.agent, priority=plan.priority,
        model=kept.model, provider=kept.provider, tier=kept.tier, pool=kept.pool, status=status, queue_s=0.0,
        input_tokens=0, output_tokens=0, cost_usd=Decimal(0), baseline_usd=kept.cost_usd if status != "cancelled" else None,
        finish_reason=finish, reason=f"{where} request {kept.request_id}",
    )  # fmt: skip
