"""The seam between the engine and the providers: what every backend does, whatever wire format it speaks."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from routebook.messages import Call, Delta, Finish, Value


class Found(Value, frozen=True, kw_only=True):
    """A model that a provider lists."""

    id: str
    size_bytes: int | None = None
    parameters: str | None = None
    """As the provider writes it: `8.0B`."""
    is_loaded: bool = False


class Backend(Protocol):
    """Speaks one provider's wire format. Bound to the event loop it is first used on.

    Nothing here retries, waits or measures: the engine does, so that every attempt goes through one pipeline.
    """

    def stream(self, call: Call) -> AsyncGenerator[Delta | Finish, None]:
        """Send one call and yield its deltas, then exactly one `Finish`.

        Closing the iterator, or cancelling the task that reads it, closes the connection. With `call.stream` false the whole text comes
        as one delta.

        Raises:
            ProviderError: of the kind that fits; a refusal is raised after the deltas that explain it.
            LocalOnlyViolation: `call.local` is true and the address is not this machine; nothing was sent.
            SetupNeeded: something must be installed or fetched first.
        """
        ...

    async def list_models(self, *, local: bool = False) -> list[Found]:
        """Ask the provider which models it has. Raises as `stream` does."""
        ...

    async def aclose(self) -> None:
        """Close connections and child processes."""
        ...
