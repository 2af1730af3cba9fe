"""What was last seen in a provider's memory, and on its disk."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from dataclasses import dataclass, field
from typing import Final

from routebook.backends.residents import Resident, Residents
from routebook.books.steady import SteadyClock
from routebook.errors import RoutebookError
from routebook.plan.room import tagged

PATIENCE_S: Final = 1.5
"""As for a list of models: a server on this machine answers in milliseconds."""
SIZES_S: Final = 60.0
"""So long what is on the disk counts as known."""
SOON: Final = dt.timedelta(seconds=2)
"""A model that would leave by itself so soon does not count as loaded: it may be gone when it is called."""


@dataclass(slots=True)
class Sight:
    """Of one provider. Ids of models are with their tags."""

    backend: Residents
    local: bool
    """The wall is up."""
    steady: SteadyClock
    loaded: dict[str, Resident] = field(default_factory=dict)
    """In memory; what would leave it first comes first."""
    sizes: dict[str, int] = field(default_factory=dict)
    """On the disk, each with the bytes it would take in memory."""
    taken: dict[str, int] = field(default_factory=dict)
    """The bytes that models were seen to take."""
    looked: int = 0
    """When what is loaded was asked, by the books' steady clock; 0 before the first time."""
    at: float = -math.inf
    """The same in the loop's time."""
    sized_at: float = -math.inf
    trouble: str = ""
    """Why nothing could be seen the last time; empty when all is well."""
    _looking: asyncio.Task[None] | None = None

    async def look(self, *, max_age_s: float, sizes_age_s: float = SIZES_S) -> None:
        """See to it that what is known is no older than that, if the provider says; several who ask at once share one look."""
        now = asyncio.get_running_loop().time()
        is_own = False
        while not is_own and not (now - self.at <= max_age_s and now - self.sized_at <= sizes_age_s):
            if is_own := self._looking is None or self._looking.done():
                self._looking = asyncio.ensure_future(self._look(sizes_age_s))
            await asyncio.shield(self._looking)

    def has_now(self, model: str) -> bool:
        """Whether a model is loaded, and stays so for a moment."""
        found = self.loaded.get(model)
        return found is not None and (found.until is None or found.until > dt.datetime.now(dt.UTC) + SOON)

    async def _look(self, sizes_age_s: float) -> None:
        """What cannot be seen stays as it was: a call will tell soon enough what is wrong."""
        now, looked = asyncio.get_running_loop().time(), self.steady()
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await self.backend.residents(local=self.local)
                sizes = await self.backend.sizes(local=self.local) if now - self.sized_at > sizes_age_s else None
        except TimeoutError:
            self.trouble = f"no answer within {PATIENCE_S:g} s"
            return
        except RoutebookError as error:
            self.trouble = str(error)
            return
        self.trouble, self.at, self.looked = "", now, looked
        self.loaded = {tagged(one.id): one for one in sorted(found, key=lambda one: one.until.timestamp() if one.until else math.inf)}
        self.taken.update({name: one.size_bytes for name, one in self.loaded.items() if one.size_bytes})
        if sizes is not None:
            self.sizes, self.sized_at = {tagged(name): size for name, size in sizes.items()}, now
