"""The books as the engine uses them: open, start an attempt, finish it, read."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import ClassVar, TypeVar

from routebook.books import budgets as money
from routebook.books import bulk, cooldowns, leases, ledger, packed, pools, quotas, residents, tool_calls, turns
from routebook.books.claims import Admitted, Claim, Heard, Scope, Wait
from routebook.books.connect import MEMORY, connect_reader, in_our_words
from routebook.books.lost import release_lost
from routebook.books.money import to_pico
from routebook.books.steady import MICRO, SteadyClock
from routebook.books.writer import Writer
from routebook.config.values import Budget
from routebook.errors import BooksError, BudgetExceeded
from routebook.messages import Attempt, ToolRun

T = TypeVar("T")


def local_now() -> dt.datetime:
    """The time with the machine's zone."""
    return dt.datetime.now().astimezone()


class Books:
    """One process's view of the books; several may share the file."""

    is_here: ClassVar[bool] = True
    """They are on this machine, and so is the memory that they count."""

    def __init__(
        self,
        path: str,
        *,
        budgets: Mapping[str, Budget],
        now: Callable[[], dt.datetime] = local_now,
        steady: SteadyClock | None = None,
    ) -> None:
        """Open the books at `path`; money counts by the wall clock `now`, limits by the `steady` one.

        Raises:
            BooksError: they cannot be opened; says what to do.
        """
        self.path, self.budgets, self._now = path, dict(budgets), now
        self.pools: tuple[pools.TokenPool, ...] = ()
        """Allowances of tokens; set once it is known which models there are."""
        self._writer = Writer(path)
        self.steady = steady or SteadyClock()
        self.session = uuid.uuid4().hex[:12]
        self._renewed: int | None = None
        """When this session last showed itself, by the steady clock; `None` before the others know it."""

    async def start(self, attempt: Attempt, *, need_usd: Decimal | None) -> int:
        """Reserve what the call may cost and write its row, in one transaction; return the row's id.

        `need_usd` is the most the call may cost, or `None` when its price is unknown (nothing can be reserved then).

        Raises:
            BudgetExceeded: a cap could be exceeded; nothing was written.
            BooksError: the books cannot be written.
        """
        admitted = await self.admit(attempt, need_usd=need_usd)
        if isinstance(admitted, Wait):  # without a claim there is nothing to wait for
            raise BooksError(f"The attempt was not begun: {admitted.reason}.")
        return admitted.row

    async def admit(self, attempt: Attempt, *, need_usd: Decimal | None, claim: Claim | None = None) -> Admitted | Wait:
        """As `start`, within the limits of `claim` too, over all kernels: when there is no room nothing is written, and it says until when.

        Raises as `start` does.
        """
        need = None if need_usd is None else to_pico(need_usd)
        own_pools = pools.pools_of(attempt.model, self.pools)
        need_tokens = claim.tokens if claim is not None and own_pools else 0
        is_due = self._renewed is None or self.steady() - self._renewed > leases.RENEW_S * MICRO / 2

        def work(connection: sqlite3.Connection) -> Admitted | Wait:
            now = self._show(connection, is_due=is_due)
            self._check(connection, attempt, claim, need_pusd=need, own_pools=own_pools)
            room = None if claim is None else self._room(connection, claim, now=now)
            if claim is not None and room is not None and room.wait is not None:
                self._leave_word(connection, claim, room, now=now)
                return room.wait
            row = ledger.start(connection, attempt, session=self.session, reserved_pusd=need or 0, reserved_tokens=need_tokens)
            if claim is not None and room is not None:
                quotas.reserve(connection, claim, room, attempt=row, session=self.session, now=now)
                self._leave_word(connection, claim, room, now=now)
            return Admitted(row=row, is_probe=room is not None and bool(room.untried), unload=room.unload if room is not None else ())

        try:
            found = await self._writer.submit(work)
        except asyncio.CancelledError:  # it is on its way to the books, or there already; nothing was sent, so it goes out again
            self.take_back(attempt, claim=claim)
            raise
        if is_due:
            self._renewed = self.steady()
        return found

    def _show(self, connection: sqlite3.Connection, *, is_due: bool) -> int:
        """Let the others know that this session lives; return the time of the steady clock."""
        if self._renewed is None:
            row = (self.session, os.getpid(), round(self._now().timestamp() * 1e6))
            connection.execute("INSERT OR IGNORE INTO sessions (id, pid, started) VALUES (?, ?, ?)", row)
            self.steady.keep(connection)
            self._release_lost(connection, now=self.steady())
        now = self.steady()
        if is_due:
            leases.renew(connection, self.session, now=now)
        return now

    def _room(self, connection: sqlite3.Connection, claim: Claim, *, now: int) -> quotas.Room:
        """Whether there is room; places of a process killed meanwhile are free."""
        room = self._look(connection, claim, now=now)
        if room.wait is not None and room.wait.kind in ("places", "probe") and self._release_lost(connection, now=now):
            return self._look(connection, claim, now=now)
        return room

    def _look(self, connection: sqlite3.Connection, claim: Claim, *, now: int) -> quotas.Room:
        """Within the limits, and in the machine's memory."""
        room = quotas.check(connection, claim, now=now, session=self.session)
        if claim.memory is None or room.wait is not None:
            return room
        found = residents.check(connection, claim.memory, now=now)
        return room._replace(wait=found.wait, unload=found.unload, is_counted=True)

    def _leave_word(self, connection: sqlite3.Connection, claim: Claim, room: quotas.Room, *, now: int) -> None:
        """Let the other kernels know where somebody waits here, and where nobody does any more."""
        rank = now + round(claim.rank_s * MICRO)
        turns.leave_word(connection, room.full, session=self.session, rank=rank, tokens=claim.tokens, now=now)
        limited = [scope.name for scope in claim.scopes if scope.is_limited and scope.name not in room.full]
        turns.forget(connection, limited, session=self.session)

    def _release_lost(self, connection: sqlite3.Connection, *, now: int | None = None) -> int:
        """Free what killed processes held; return how much that was."""
        return release_lost(connection, own=self.session, now=now, zone=self._now().tzinfo, pools=self.pools)

    def take_back(self, attempt: Attempt, *, claim: Claim | None = None) -> asyncio.Future[None]:
        """Let an attempt out again that was let in, and whose call was never made: it leaves no row, and holds nothing."""

        def work(connection: sqlite3.Connection) -> None:
            row = ledger.take_back(connection, attempt, session=self.session)
            if claim is not None and row is not None:
                quotas.take_back(connection, claim, attempt=row)

        return self._writer.submit(work, is_kept=True)

    def _check(
        self,
        connection: sqlite3.Connection,
        attempt: Attempt,
        claim: Claim | None,
        *,
        need_pusd: int | None,
        own_pools: list[pools.TokenPool],
    ) -> None:
        """Keep within every cap; of a process killed meanwhile what it had reserved counts where its calls were made, not now."""

        def check() -> None:
            if need_pusd != 0:  # what costs nothing exceeds no cap, not even one that is overdrawn
                if self.budgets:
                    money.check(connection, attempt, budgets=self.budgets, need_pusd=need_pusd, now=self._now())
                if claim is not None and claim.cell_usd is not None:
                    money.check_cell(connection, attempt, cap_usd=claim.cell_usd, need_pusd=need_pusd)
            if own_pools:
                pools.check(connection, own_pools, need=claim.tokens if claim is not None else 0, now=self._now())

        try:
            check()
        except BudgetExceeded:
            if not self._release_lost(connection):
                raise
            check()

    async def finish(
        self, row: int, attempt: Attempt, *, claim: Claim | None = None, heard: Heard | None = None, text: str | None = None
    ) -> tuple[str, ...]:  # fmt: skip
        """Complete the row, count the cost, release the reservation; return what the user should know of it (budget alerts, trouble).

        `claim` is what it was admitted with, `heard` what its end says of the limits, `text` what it answered: only a bulk job keeps that.
        It is written even when the caller is cancelled while waiting. What cannot be written now (a full disk) is kept and tried again.
        """
        wanted = bulk.WANTED.get()
        keeping = wanted.keeping(attempt, text) if wanted is not None else None
        said = await self.settle(row, attempt, claim=claim, heard=heard, keeping=keeping)
        if wanted is not None and keeping is not None:
            wanted.kept = keeping.kept
        return said

    async def settle(
        self, row: int, attempt: Attempt, *, claim: Claim | None, heard: Heard | None, keeping: bulk.Keeping | None
    ) -> tuple[str, ...]:  # fmt: skip
        """As `finish`, with an answer that is kept in the same transaction."""

        def work(connection: sqlite3.Connection) -> tuple[str, ...]:
            now = self._now()
            ledger.finish(connection, row, attempt)
            if keeping is not None:
                bulk.keep(connection, keeping.job, keeping.kept, time=round(now.timestamp() * 1e6))
            own_pools = pools.pools_of(attempt.model, self.pools)
            money.record(connection, attempt, now=now, also=[pool.scope for pool in own_pools])
            if claim is not None:
                quotas.settle(connection, claim, attempt=row, tokens=_tokens(attempt), now=self.steady())
            if heard is not None:
                quotas.hear(connection, heard, attempt=row, now=self.steady())
            said = money.alerts(connection, attempt, budgets=self.budgets, now=now) if self.budgets else ()
            return said + pools.alerts(connection, attempt, own_pools, now=now) if own_pools else said

        done = self._writer.submit(work, is_kept=True)
        if row % packed.ROWS == 0:
            self.pack()
        try:
            return await asyncio.shield(done)
        except BooksError as error:
            return (f"{error} This attempt is kept in memory, and written as soon as it can be.",)

    async def note(self, attempt: Attempt) -> tuple[str, ...]:
        """Write an attempt that ended before it began; as `finish` otherwise."""

        def work(connection: sqlite3.Connection) -> None:
            self._show(connection, is_due=self._renewed is None)
            ledger.finish(connection, ledger.start(connection, attempt, session=self.session), attempt)
            money.record(connection, attempt, now=self._now())

        try:
            await asyncio.shield(self._writer.submit(work, is_kept=True))
        except BooksError as error:
            return (f"{error} This attempt is kept in memory, and written as soon as it can be.",)
        return ()

    async def ran(self, request_id: str, run: ToolRun) -> None:
        """Write that a tool was run.

        Raises:
            BooksError: it cannot be written.
        """
        await self.write(lambda connection: tool_calls.add(connection, request_id, run, session=self.session))

    def pack(self) -> None:
        """Pack what has ended, some time soon, so that a frame of it is read quickly. From any thread."""
        self._writer.post(packed.pack)

    def renew(self) -> None:
        """Let the others know that this session lives and keeps its places."""
        self._writer.submit(lambda connection: leases.renew(connection, self.session, now=self.steady())).add_done_callback(_unheard)

    def passed(self, row: int) -> None:
        """The first to try a model after its cooldown was answered: let the others go."""
        self._writer.submit(lambda connection: cooldowns.passed(connection, row, now=self.steady())).add_done_callback(_unheard)

    def give_up(self, claim: Claim) -> None:
        """Who was sent away for want of room waits no more: let the other kernels have it."""
        names = [scope.name for scope in claim.scopes]
        self._writer.submit(lambda connection: turns.forget(connection, names, session=self.session)).add_done_callback(_unheard)

    def cool(self, scope: str, seconds: float, *, reason: str) -> None:
        """Let nobody, in whatever kernel, ask a model for so long; then one tries first."""

        def work(connection: sqlite3.Connection) -> None:
            cooldowns.tell(connection, scope, cool_s=seconds, reason=reason, is_day=False, now=self.steady())

        self._writer.submit(work).add_done_callback(_unheard)

    def parked(self, models: Mapping[str, tuple[Scope, ...]]) -> dict[str, Wait]:
        """Which models, given with what their limits are counted by, let nobody in for long: a cooldown, a day's quota. From any thread.

        Raises:
            BooksError: they cannot be read.
        """

        def look(connection: sqlite3.Connection) -> dict[str, Wait]:
            self.steady.read(connection)
            return quotas.parked(connection, models, now=self.steady())

        return self.read(look)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the writer's next transaction."""
        return await self._writer.submit(work)

    def read(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """Call `look` with a connection for reading, from any thread.

        Raises:
            BooksError: they cannot be read.
        """
        if self.path == MEMORY:
            return self._writer.read(look)
        with contextlib.closing(connect_reader(self.path)) as connection, in_our_words(self.path):
            return look(connection)

    def close(self) -> None:
        """Write what waits, then close.

        Raises:
            BooksError: an attempt that ended could not be written at last.
        """
        self._writer.close()

    async def aclose(self) -> None:
        """As `close`, while the loop goes on: another program may hold the books for seconds.

        It looks again and again instead of waiting on a thread: while the process ends there are no new ones to be had.
        """
        self._writer.stop()
        pause_s = 0.0005
        while self._writer.is_busy:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.05)
        self.close()


def _tokens(attempt: Attempt) -> int | None:
    """What an attempt used of a quota of tokens; `None` when it is not known."""
    if attempt.input_tokens is None and attempt.output_tokens is None:
        return None
    return (attempt.input_tokens or 0) + (attempt.output_tokens or 0)


def _unheard(future: asyncio.Future[None]) -> None:
    """Nobody waits for it: whatever the trouble, the next transaction will say so."""
    if not future.cancelled():
        future.exception()
