"""The books as the workers of a cluster reach them: a Dask actor in the process of the one who asked, so that no worker's death takes it away.

Each worker has a session of its own in the books, as a kernel has: what it held goes free when it dies, and its attempts are marked `lost`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from routebook.books import bulk
from routebook.books.books import Books, local_now
from routebook.books.bulk import Kept
from routebook.books.claims import Admitted, Claim, Heard, Scope, Wait
from routebook.books.lost import release
from routebook.books.pools import TokenPool
from routebook.bulk.run import key_of
from routebook.config.values import Budget
from routebook.errors import BooksError, BudgetExceeded, RoutebookError
from routebook.messages import Attempt

HOSTS: Final[dict[str, Host]] = {}
"""By token: an actor is made from what can be pickled, and the books cannot."""
_LOOK_AGAIN_S: Final = 0.2
Carried = tuple[bool, Any]
"""A value, or an error in parts: our errors do not survive pickling as they are."""


class Host:
    """The books of one job, in the process that has them."""

    def __init__(
        self, path: str, *, budgets: Mapping[str, Budget], pools: Sequence[TokenPool], job: bytes, budget_usd: Decimal | None
    ) -> None:
        """`budget_usd` is for all workers together."""
        self._path, self._budgets, self._pools = path, budgets, tuple(pools)
        self._own: dict[str, Books] = {}
        self._needs: dict[tuple[str, int], Decimal] = {}
        """What attempts hold of the budget, by worker and row; those that are still at the books, by a number below 0."""
        self._asked = 0
        self.job, self.budget_usd, self.spent_usd = job, budget_usd, Decimal(0)

    def of(self, worker: str) -> Books:
        """The books in the name of a worker."""
        found = self._own.get(worker)
        if found is None:
            found = self._own[worker] = Books(self._path, budgets=self._budgets)
            found.pools = self._pools
        return found

    @property
    def workers(self) -> list[str]:
        """Those that were heard of."""
        return list(self._own)

    async def admit(self, worker: str, attempt: Attempt, *, need_usd: Decimal | None, claim: Claim | None) -> Admitted | Wait:
        """As the books do, within the job's own budget too."""
        held = sum(self._needs.values(), Decimal(0))
        if self.budget_usd is not None and need_usd != 0:
            if need_usd is None or self.spent_usd + need_usd > self.budget_usd:
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

    async def finish(self, worker: str, row: int, attempt: Attempt, *, claim: Claim | None, heard: Heard | None) -> tuple[str, ...]:
        """As the books do."""
        self._needs.pop((worker, row), None)
        self.spent_usd += attempt.cost_usd or Decimal(0)
        return await self.of(worker).finish(row, attempt, claim=claim, heard=heard)

    async def bury(self, worker: str) -> None:
        """Free what a worker held that is gone; the most that its calls may have cost counts as spent."""
        books = self._own.pop(worker, None)
        for key in [key for key in self._needs if key[0] == worker and key[1] > 0]:
            self.spent_usd += self._needs.pop(key)
        if books is None:
            return
        session, zone = books.session, local_now().tzinfo
        await books.write(lambda connection: release(connection, session, zone=zone, pools=self._pools))
        await books.aclose()

    async def aclose(self) -> None:
        """Close all books."""
        own, self._own = self._own, {}
        for books in own.values():
            await books.aclose()


class Desk:
    """The actor: what workers may ask of the books. Every method says who asks."""

    def __init__(self, token: str) -> None:
        """`token` names the host in this process."""
        self._host = HOSTS[token]

    async def admit(self, worker: str, attempt: Attempt, need_usd: Decimal | None, claim: Claim | None) -> Carried:
        """Reserve, or say until when there is no room."""
        return await carried(self._host.admit(worker, attempt, need_usd=need_usd, claim=claim))

    async def finish(self, worker: str, row: int, attempt: Attempt, claim: Claim | None, heard: Heard | None) -> Carried:
        """Settle."""
        return await carried(self._host.finish(worker, row, attempt, claim=claim, heard=heard))

    async def note(self, worker: str, attempt: Attempt) -> Carried:
        """Write an attempt that ended before it began."""
        return await carried(self._host.of(worker).note(attempt))

    async def tell(self, worker: str, what: str, *words: Any, **more: Any) -> None:  # noqa: ANN401  as the books' own methods take them
        """Do one of the small things that nobody waits for: `renew`, `passed`, `cool`, `give_up`."""
        getattr(self._host.of(worker), what)(*words, **more)

    async def parked(self, worker: str, models: Mapping[str, tuple[Scope, ...]]) -> Carried:
        """Which models let nobody in for long."""
        try:
            return True, self._host.of(worker).parked(models)
        except BooksError as error:
            return False, parts(error)

    async def keep(self, worker: str, kept: Kept) -> Carried:
        """Write an answer down."""
        time = round(dt.datetime.now(dt.UTC).timestamp() * 1e6)
        return await carried(self._host.of(worker).write(lambda connection: bulk.keep(connection, self._host.job, kept, time=time)))

    async def missing(self, worker: str, prompts: list[str]) -> list[str]:
        """Those that have no answer yet: a task of a worker that died is begun again by another."""
        kept = self._host.of(worker).read(lambda connection: bulk.kept_of(connection, self._host.job))
        return [prompt for prompt in prompts if key_of(prompt) not in kept]


async def carried(work: Coroutine[Any, Any, Any]) -> Carried:
    """What came of some work, so that it can be sent."""
    try:
        return True, await work
    except RoutebookError as error:
        return False, parts(error)


def parts(error: RoutebookError) -> tuple[type[RoutebookError], tuple[Any, ...], dict[str, Any]]:
    """An error in parts."""
    return type(error), error.args, dict(vars(error))


def value(came: Carried) -> Any:  # noqa: ANN401  whatever was asked for
    """What was carried; raises what was raised."""
    is_well, what = came
    if is_well:
        return what
    kind, args, more = what
    error = kind.__new__(kind)
    error.args = args
    vars(error).update(more)
    raise error
