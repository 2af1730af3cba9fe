"""The books as the workers of a cluster reach them: a Dask actor in the process of the one who asked, so that no worker's death takes it away.

A message of Dask costs about a millisecond on either side, more than the books need: so workers gather what they ask, and it is answered together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from routebook.books.bulk import Keeping, Kept
from routebook.books.claims import Claim, Heard, Scope
from routebook.bulk.host import Host
from routebook.errors import RoutebookError
from routebook.messages import Attempt, ToolRun

HOSTS: Final[dict[str, Host]] = {}
"""By token: an actor is made from what can be pickled, and the books cannot."""
Carried = tuple[bool, Any]
"""A value, or an error in parts: our errors do not survive pickling as they are."""
Asking = tuple[str, tuple[Any, ...]]
"""What is asked, and its words."""


class Desk:
    """The actor: what workers may ask of the books. Every message says who asks."""

    def __init__(self, token: str) -> None:
        """`token` names the host in this process."""
        self._host = HOSTS[token]

    async def ask(self, worker: str, asked: Sequence[Asking]) -> list[Carried]:
        """Answer what a worker gathered, in its order; what waits for the books waits together, so that it is one transaction."""
        return await asyncio.gather(*(self._one(worker, what, words) for what, words in asked))

    async def _one(self, worker: str, what: str, words: tuple[Any, ...]) -> Carried:
        try:
            return True, await getattr(self, f"_{what}")(worker, *words)
        except RoutebookError as error:
            return False, parts(error)

    async def _admit(self, worker: str, attempt: Attempt, need_usd: Decimal | None, claim: Claim | None) -> object:
        return await self._host.admit(worker, attempt, need_usd=need_usd, claim=claim)

    async def _finish(
        self, worker: str, row: int, attempt: Attempt, claim: Claim | None, heard: Heard | None, keeping: Keeping | None
    ) -> object:  # fmt: skip
        return await self._host.finish(worker, row, attempt, claim=claim, heard=heard, keeping=keeping)

    async def _take_back(self, worker: str, row: int, attempt: Attempt, claim: Claim | None) -> None:
        await self._host.take_back(worker, row, attempt, claim=claim)

    async def _note(self, worker: str, attempt: Attempt) -> object:
        return await self._host.of(worker).note(attempt)

    async def _ran(self, worker: str, request_id: str, run: ToolRun) -> None:
        await self._host.of(worker).ran(request_id, run)

    async def _tell(self, worker: str, what: str, *words: Any) -> None:  # noqa: ANN401  as the books' own methods take them
        """One of the small things that nobody waits for: `renew`, `passed`, `give_up`."""
        getattr(self._host.of(worker), what)(*words)

    async def _cool(self, worker: str, scope: str, seconds: float, reason: str) -> None:
        self._host.of(worker).cool(scope, seconds, reason=reason)

    async def _take(self, worker: str, most: int) -> list[str]:
        return self._host.take(worker, most)

    async def _keep(self, worker: str, kept: Kept) -> None:
        await self._host.keep(worker, kept)

    async def _fail(self, worker: str, prompt: str, said: str) -> None:
        self._host.fail(worker, prompt, said)

    async def _parked(self, worker: str, models: Mapping[str, tuple[Scope, ...]]) -> object:
        return self._host.of(worker).parked(models)


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
