"""The cache before the dispatch: an equal request is answered from the books, or by the call of another one under way.

It stands above the one pipeline and never beside it: what is not in the cache is dispatched as always, and every request that took no call of
its own has its row too, of kind `cache`, at no cost.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import sqlite3
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from routebook.books import asking, cache
from routebook.books.cache import Kept
from routebook.engine.cache.cacheable import cache_key, is_worth_keeping, kept_of
from routebook.engine.cache.flights import Flight, Landed
from routebook.engine.cache.replay import replayed, written
from routebook.engine.dispatch import dispatch
from routebook.engine.rows import LATE_S
from routebook.engine.runtime import Runtime
from routebook.engine.turn import Emit
from routebook.errors import BooksError, BudgetExceeded, DeadlineExceeded
from routebook.events import Decision, Done, Switched, Waiting
from routebook.messages import Answer, Delta, Plan
from routebook.plan.candidates import pools_of

PATIENCE_S: Final = 2.0
"""How long the cache may keep a request waiting while another program holds the books."""
FIRST_LOOK_S: Final = 0.05
LAST_LOOK_S: Final = 0.5
"""Between two looks whether another kernel has its answer: the first, and the longest."""
LONGEST_S: Final = 86_400.0
GOES_ON: Final = "The call goes on for others who asked the same; what it costs is counted where it began, here."
_OWN: Final = (DeadlineExceeded, BudgetExceeded)
"""Failures of one request that say nothing about an equal one."""


async def answered(runtime: Runtime, plan: Plan, *, emit: Emit) -> Answer:
    """Answer from the cache where the request may be; else dispatch, and keep the answer. Emits and raises as `dispatch` does.

    Equal requests at the same time share one call. An error of that call is an error of all of them, and none asks again, unless it is about
    the one who began: its deadline or its budget. Then the others go on with one call of theirs.
    """
    runtime.known.count_turns(pools_of(plan.candidates))  # before anything is waited for: the next request is to plan with the next turn
    found = cache_key(runtime.config, plan)
    if found is None:
        return await dispatch(runtime, plan, emit=emit)
    loop = asyncio.get_running_loop()
    own = _Asking(runtime, plan, *found, emit=emit, began=loop.time(), asked_at=runtime.now())
    if plan.request.fresh:
        return await own.dispatch(emit)
    emit(Decision(plan=plan))
    while True:
        flight, is_first = runtime.flights.board((own.key, own.life_s), own.fly, request_id=plan.request.id)
        try:
            return await own.ride(flight, is_first=is_first)
        except _OWN as error:
            if is_first or own.until <= loop.time():
                raise
            own.begin_again(flight, error)


@dataclass(slots=True)
class _Asking:
    """One request that may share a call."""

    runtime: Runtime
    plan: Plan
    key: bytes
    life_s: float
    emit: Emit
    began: float
    """In the loop's time."""
    asked_at: dt.datetime

    @property
    def until(self) -> float:
        """Its own deadline, in the loop's time."""
        return self.began + self.plan.deadline_s

    async def fly(self, tell: Emit) -> Landed:
        """The flight: what the cache has, or gets while another kernel asks the same; else a call."""
        patience = self.began + self.plan.deadline_s / 2  # another's word is not waited for longer: the cache must not be what fails
        pause_s = FIRST_LOOK_S
        while (found := await self.look_up()) is None and asyncio.get_running_loop().time() < patience:
            first = self.plan.candidates[0].model if self.plan.candidates else "the cache"
            tell(Waiting(model=first, place=0, reason="another notebook asks the same, and its answer will do"))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LAST_LOOK_S)
        return found if isinstance(found, Kept) else await self.dispatch(tell)

    async def look_up(self) -> Kept | Literal[True] | None:
        """What the cache has; True when it is for us to ask, `None` when another kernel asks already.

        When the books cannot be had soon it is for us, and whoever needs them next says why.
        """
        now, books = self.runtime.now(), self.runtime.books
        until = now + dt.timedelta(seconds=min(self.plan.deadline_s, LONGEST_S))

        def look(connection: sqlite3.Connection) -> Kept | Literal[True] | None:
            found = cache.take(connection, self.key, life_s=self.life_s, now=now)
            return found or (True if asking.begin(connection, self.key, session=books.session, until=until, now=now) else None)

        with contextlib.suppress(BooksError, TimeoutError):
            async with asyncio.timeout(min(PATIENCE_S, self.plan.deadline_s / 4)):
                try:
                    return await books.write(look)
                except asyncio.CancelledError:  # it is written in any case, and nobody will ask
                    self.runtime.beside(self.put_down(None))
                    raise
        return True

    async def dispatch(self, tell: Emit) -> Answer:
        """Ask, and keep the answer if it is worth it."""
        kept: Kept | None = None
        try:
            answer = await dispatch(self.runtime, self.plan, emit=tell, until=self.until)
            if is_worth_keeping(answer):
                kept = msgspec.structs.replace(kept_of(answer), asked_at=self.runtime.now())
        finally:
            await self.put_down(kept)
        return answer

    async def put_down(self, kept: Kept | None) -> None:
        """Keep an answer if there is one, and let other kernels know that nobody asks any more."""
        most, books = round(self.runtime.config.cache.max_mb * 1e6), self.runtime.books

        def work(connection: sqlite3.Connection) -> None:
            if kept is not None:
                cache.put(connection, self.key, kept, life_s=self.life_s, max_bytes=most)
            asking.end(connection, self.key, session=books.session)

        with contextlib.suppress(BooksError, TimeoutError):  # a convenience; the answer is there
            async with asyncio.timeout(min(PATIENCE_S, max(0.0, self.until + LATE_S - asyncio.get_running_loop().time()))):
                await books.write(work)  # it is written in any case: who asks the same next comes after it

    async def ride(self, flight: Flight, *, is_first: bool) -> Answer:
        """Wait for a flight's end, and answer by what it came to."""
        try:
            landed = await flight.ride(self.emit, until=None if is_first else self.until, leave=lambda: self.runtime.flights.forget(flight))
        except asyncio.CancelledError:
            await self.stopped(flight, is_first=is_first)
            raise
        if landed is None:
            raise DeadlineExceeded(
                f"The call that this request shares with an equal one has not ended within its {self.plan.deadline_s:g} s. "
                "Raise --deadline, or ask with --no-cache."
            )
        answer = landed if is_first and isinstance(landed, Answer) else self.replay(landed)
        try:
            if answer is not landed:
                answer = await written(self.runtime.books, answer, took_s=self.took_s(), until=self.until)
        finally:  # it is whole, also for one who stops while its row is on its way
            self.emit(Done(answer=answer))
        return answer

    def replay(self, landed: Landed) -> Answer:
        """The answer by the cache's, or by the one to an equal request."""
        if isinstance(landed, Answer):
            status = "cached" if landed.attempt.status == "ok" else landed.attempt.status
            return replayed(
                self.plan,
                kept_of(landed),
                now=self.asked_at,
                is_shared=True,
                status=status,
                finish=landed.finish_reason,
                number=self.number(),
            )
        if landed.thinking:
            self.emit(Delta(text=landed.thinking, kind="thinking"))
        self.emit(Delta(text=landed.text))
        return replayed(self.plan, landed, now=self.asked_at, is_shared=False, number=self.number())

    async def stopped(self, flight: Flight, *, is_first: bool) -> None:
        """Keep what has come for one who stops, as a dispatch does. The row of the call itself is the first one's."""
        if is_first and flight.last is not None:
            self.emit(Done(answer=flight.last))
        elif flight.model is not None:
            answer = replayed(
                self.plan,
                self.so_far(flight),
                now=self.asked_at,
                is_shared=True,
                status="cancelled",
                finish="cancelled",
                number=self.number(),
            )
            if is_first:
                row = msgspec.structs.replace(answer.attempt, cost_usd=None)
                answer = msgspec.structs.replace(answer, attempts=(row,), notes=(GOES_ON,))
            else:
                answer = await written(self.runtime.books, answer, took_s=self.took_s(), until=self.until)
            self.emit(Done(answer=answer))

    def so_far(self, flight: Flight) -> Kept:
        """What has come of a call that goes on for others."""
        config, model = self.runtime.config, flight.model or ""
        return Kept(
            text=flight.text, thinking="", asked_at=self.asked_at, request_id=flight.request_id, model=model,
            provider=config.models[model].provider, tier=config.tier(model), pool=None, cost_usd=None,
        )  # fmt: skip

    def begin_again(self, flight: Flight, error: Exception) -> None:
        """What came so far was of a call that ended for a reason of its own."""
        if flight.model is not None:
            self.emit(
                Switched(from_model=flight.model, to_model=flight.model, reason=f"the equal request that was asked first ended: {error}")
            )

    def number(self) -> int:
        """Of its only attempt."""
        return self.runtime.numbers.next(self.plan.request.id, alone=1)

    def took_s(self) -> float:
        """Seconds since it was asked."""
        return asyncio.get_running_loop().time() - self.began
