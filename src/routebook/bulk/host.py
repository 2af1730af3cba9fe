"""The books of a job on a cluster, its budget and its prompts, in the process of the one who asked.

Each worker has a session of its own in the books, as a kernel has: what it held goes free when it dies, and its attempts are marked `lost`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Final

from routebook.books.books import Books, local_now
from routebook.books.bulk import Keeping, Kept, keep
from routebook.books.claims import Admitted, Claim, Heard, Wait
from routebook.books.lost import release
from routebook.books.pools import TokenPool
from routebook.bulk.run import Report, key_of
from routebook.config.values import Budget
from routebook.errors import BudgetExceeded
from routebook.messages import Attempt

_LOOK_AGAIN_S: Final = 0.2


class Host:
    """What workers share of one job."""

    def __init__(
        self,
        path: str,
        *,
        budgets: Mapping[str, Budget],
        pools: Sequence[TokenPool] = (),
        job: bytes = b"",
        budget_usd: Decimal | None = None,
        spent_usd: Decimal = Decimal(0),
        prompts: Iterable[str] = (),
        tell: Report = lambda: None,
    ) -> None:
        """`budget_usd` is for all workers together, `spent_usd` what earlier runs spent of it; `tell` is called for each prompt that is over."""
        self._path, self._budgets, self._pools = path, budgets, tuple(pools)
        self._own: dict[str, Books] = {}
        self._needs: dict[tuple[str, int], Decimal] = {}
        """What attempts hold of the budget, by worker and row; those that are still at the books, by a number below 0."""
        self._asked = 0
        self.job, self.budget_usd, self.spent_usd = job, budget_usd, spent_usd
        self.waiting = deque(prompts)
        self._taken: dict[str, dict[bytes, str]] = {}
        """What each worker took and has not said what came of it."""
        self.failures: dict[str, str] = {}
        self.is_spent = False
        """What is left of the budget is not enough for the next attempt."""
        self._tell = tell

    def of(self, worker: str) -> Books:
        """The books in the name of a worker."""
        found = self._own.get(worker)
        if found is None:
            found = self._own[worker] = Books(self._path, budgets=self._budgets)
            found.pools = self._pools
        return found

    @property
    def workers(self) -> list[str]:
        """Those that were heard of and not buried."""
        return list(self._own.keys() | self._taken.keys())

    # ---- prompts

    def take(self, worker: str, most: int) -> list[str]:
        """The next prompts for a worker, `most` of them; fewer towards the end, so that all workers end at the same time."""
        own = self._taken.setdefault(worker, {})
        count = min(most, -(-len(self.waiting) // (2 * len(self._taken))))
        prompts = [self.waiting.popleft() for _ in range(count)]
        own.update((key_of(prompt), prompt) for prompt in prompts)
        return prompts

    def fail(self, worker: str, prompt: str, said: str) -> None:
        """There is no answer to a prompt, and why."""
        if self._taken.get(worker, {}).pop(key_of(prompt), None) is not None:
            self.failures[prompt] = said
            self._tell()

    async def keep(self, worker: str, kept: Kept) -> None:
        """There is an answer that no row of its own brought: write it down."""
        time = round(local_now().timestamp() * 1e6)
        await self.of(worker).write(lambda connection: keep(connection, self.job, kept, time=time))
        self._over(worker, kept.key)

    def _over(self, worker: str, key: bytes) -> None:
        if self._taken.get(worker, {}).pop(key, None) is not None:
            self._tell()

    # ---- attempts

    async def admit(self, worker: str, attempt: Attempt, *, need_usd: Decimal | None, claim: Claim | None) -> Admitted | Wait:
        """As the books do, within the job's own budget too."""
        held = sum(self._needs.values(), Decimal(0))
        if self.budget_usd is not None and need_usd != 0:
            if need_usd is None or self.spent_usd + need_usd > self.budget_usd:
                self.is_spent = True
                raise BudgetExceeded(
                    "this job", period="job", cap_usd=self.budget_usd, spent_usd=self.spent_usd, needed_usd=need_usd, resets_at=None,
                    model=attempt.model,
                )  # fmt: skip
            if self.spent_usd + held + need_usd > self.budget_usd:
                return Wait(kind="turn", reason="others of the job hold what is left of its budget", until_s=_LOOK_AGAIN_S)
        self._asked += 1
        asking = (worker, -self._asked)  # held from now on: others ask while the books are
        self._needs[asking] = need_usd or Decimal(0)
        try:
            found = await self.of(worker).admit(attempt, need_usd=need_usd, claim=claim)
            if isinstance(found, Admitted):
                self._needs[worker, found.row] = need_usd or Decimal(0)
            return found
        finally:
            self._needs.pop(asking, None)

    async def finish(
        self, worker: str, row: int, attempt: Attempt, *, claim: Claim | None, heard: Heard | None, keeping: Keeping | None
    ) -> tuple[str, ...]:  # fmt: skip
        """As the books do, in the same transaction as the answer is kept."""
        self._needs.pop((worker, row), None)
        self.spent_usd += attempt.cost_usd or Decimal(0)
        writing = asyncio.ensure_future(self.of(worker).settle(row, attempt, claim=claim, heard=heard, keeping=keeping))
        if keeping is not None:
            self._over(worker, keeping.kept.key)  # what is on its way to the books is not asked again, whatever becomes of the worker
        return await writing

    async def take_back(self, worker: str, row: int, attempt: Attempt, *, claim: Claim | None) -> None:
        """As the books do."""
        self._needs.pop((worker, row), None)
        await self.of(worker).take_back(attempt, claim=claim)

    # ---- ends

    async def bury(self, worker: str) -> None:
        """Free what a worker held that is gone; the most that its calls may have cost counts as spent. Its prompts go to the others.

        Raises:
            BooksError: the books cannot be written now; call it again later.
        """
        self.waiting.extendleft(self._taken.pop(worker, {}).values())
        books = self._own.get(worker)
        if books is None:
            return
        session, zone = books.session, local_now().tzinfo
        await books.write(lambda connection: release(connection, session, zone=zone, pools=self._pools))
        self._own.pop(worker, None)
        for key in [key for key in self._needs if key[0] == worker and key[1] > 0]:
            self.spent_usd += self._needs.pop(key)
        await books.aclose()

    async def aclose(self) -> None:
        """Close all books; nothing is told any more, so an attempt whose end was not is lost.

        Raises:
            BooksError: an attempt that ended could not be written.
        """
        async with AsyncExitStack() as closing:  # each is closed, whatever becomes of the others
            for worker, books in self._own.items():
                closing.push_async_callback(books.aclose)
                closing.push_async_callback(self.bury, worker)
