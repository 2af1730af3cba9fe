"""What a backend that runs models on this machine says and does about memory: the small interface behind `max_loaded`, `memory_gb` and `pull`.

A backend joins in by having the methods of `Residents` beside those of `Backend`; nothing else is asked of it, and nobody has to register it.
Everything is by the provider's own id of a model (`Model.id`), and nothing here decides: which model goes, who waits and in which order is
decided for all kernels together by the books (`books/residents.py`), with what `engine/machine/` brings from here. So a backend

- says what is in memory (`residents`), cheaply: it is asked before every call where a limit is set, so milliseconds count;
- says how much each model that it could load would take, or nearly (`sizes`): files on disk, read once;
- loads by being called: `Backend.stream` of a model that is not loaded loads it first, and is only called when there is room. A backend
  whose models are processes of its own starts the process there, and says `StreamBroken` or `Unavailable` when that fails;
- frees memory (`unload`), and returns when it is free, or at least no longer counted in `residents`. It is never asked to while the books know of a
  call to that model. What else uses the model (another program) is left to end first;
- fetches (`pull`), only where it can; a backend that cannot raises `PullFailed` at once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator, Mapping
from typing import Protocol, runtime_checkable

from routebook.messages import Value


class Resident(Value, frozen=True, kw_only=True):
    """A model that is in memory."""

    id: str
    size_bytes: int | None = None
    """All that it takes, wherever (`size_vram` is a part of it); `None` when the server does not say."""
    until: dt.datetime | None = None
    """When it leaves by itself if nobody calls it; `None` for never, or unknown."""


class Pulled(Value, frozen=True, kw_only=True):
    """How far a pull is."""

    status: str
    """In the server's words: `pulling manifest`, `verifying sha256 digest`."""
    done_bytes: int = 0
    total_bytes: int = 0
    """0 while nobody knows."""

    @property
    def share(self) -> float | None:
        """0 to 1; `None` while nobody knows."""
        return min(1.0, self.done_bytes / self.total_bytes) if self.total_bytes else None


@runtime_checkable
class Residents(Protocol):
    """See the head of this file. All raise as `Backend.stream` does; `local` puts the wall up, and all are bound to the engine's loop."""

    async def residents(self, *, local: bool) -> list[Resident]:
        """What is in memory now, models that nobody of us asked for included."""
        ...

    async def sizes(self, *, local: bool) -> Mapping[str, int]:
        """The models that can be loaded without fetching anything, each with the bytes that it takes, as nearly as is known."""
        ...

    async def unload(self, model_id: str, *, local: bool) -> None:
        """Free the memory of a model; one that is not loaded is no error."""
        ...

    def pull(self, model_id: str, *, local: bool) -> AsyncGenerator[Pulled, None]:
        """Fetch a model, telling how far it is; it is there when the generator ends. Closing it stops, and the next pull goes on from there.

        Raises:
            PullFailed: there is no such model, or no space for it.
        """
        ...
