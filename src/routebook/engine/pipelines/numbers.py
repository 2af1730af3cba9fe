"""The attempts of a request whose steps, and chunks at once, are each dispatched on their own are numbered in one row."""

from __future__ import annotations


class Numbers:
    """Counts the attempts of requests that have steps; of all others the one who walks the plan counts."""

    def __init__(self) -> None:
        """No request has steps."""
        self._last: dict[str, int] = {}

    def begin(self, request_id: str) -> None:
        """A request with steps begins."""
        self._last[request_id] = 0

    def end(self, request_id: str) -> None:
        """It is over."""
        self._last.pop(request_id, None)

    def next(self, request_id: str, *, alone: int) -> int:
        """The number of a request's next attempt; `alone` where it has no steps. One that is not sent after all leaves a gap."""
        if request_id not in self._last:
            return alone
        self._last[request_id] += 1
        return self._last[request_id]
