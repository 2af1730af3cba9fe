"""What a scripted server has seen: the truth that a test compares the books with."""

from __future__ import annotations

import zlib
from collections import Counter, deque
from typing import Any, Final

import msgspec

_TOLERANCE_S: Final = 0.01


class SeenCall(msgspec.Struct):
    """One call to a model, as it reached the server."""

    time_s: float
    """On the server's monotonic clock."""
    model: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    outcome: str = "running"
    """`ok`, the kind of the fault that hit it, `over_limit`, or `disconnected` when the client left before the end."""
    ended_s: float | None = None
    input_tokens: int | None = None
    """As reported to the client."""
    output_tokens: int | None = None
    not_before_s: float | None = None
    """When it was told to come back, on the same clock."""
    early_s: float = 0.0
    """So long before the time that an earlier answer to the same body had stated."""

    def json(self) -> Any:  # noqa: ANN401 - a JSON edge
        """Return the body, decoded."""
        return msgspec.json.decode(self.body)


class Seen:
    """Counts what reached one server."""

    def __init__(self, *, keep: int = 10_000) -> None:
        """`keep` is the number of calls whose details are kept, the last ones."""
        self.attempts = 0
        """Calls to a model, every one."""
        self.lists = 0
        """Requests for a list of models."""
        self.attempts_by_model: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.concurrent = 0
        self.peak_concurrent = 0
        self.concurrent_by_model: Counter[str] = Counter()
        self.peak_by_model: Counter[str] = Counter()
        self.connections = 0
        """Opened so far."""
        self.bytes_in = 0
        self.bytes_out = 0
        self.early_retries = 0
        """Calls with the body of an earlier one that came before the time stated to it."""
        self.over_limit = 0
        """Calls above `rpm` or `max_concurrent` of the server."""
        self.disconnects: list[float] = []
        """When a client left before its answer ended, on the monotonic clock."""
        self.input_tokens = 0
        """Reported, all calls together."""
        self.output_tokens = 0
        self.calls: deque[SeenCall] = deque(maxlen=keep)
        self._not_before: dict[int, float] = {}

    def begin(self, call: SeenCall) -> None:
        """Count a call that starts."""
        self.attempts += 1
        self.attempts_by_model[call.model] += 1
        self.concurrent += 1
        self.concurrent_by_model[call.model] += 1
        self.peak_concurrent = max(self.peak_concurrent, self.concurrent)
        self.peak_by_model[call.model] = max(self.peak_by_model[call.model], self.concurrent_by_model[call.model])
        self.calls.append(call)
        if self._not_before:
            call.early_s = max(0.0, self._not_before.get(_same(call), 0.0) - call.time_s)
            self.early_retries += call.early_s > _TOLERANCE_S

    def end(self, call: SeenCall, *, outcome: str, time_s: float) -> None:
        """Count a call that ends, however it ends."""
        call.outcome, call.ended_s = outcome, time_s
        self.outcomes[outcome] += 1
        self.concurrent -= 1
        self.concurrent_by_model[call.model] -= 1
        if outcome == "disconnected":
            self.disconnects.append(time_s)

    def state_wait(self, call: SeenCall, *, until_s: float) -> None:
        """Remember until when the sender of a call was told to wait."""
        call.not_before_s = self._not_before[_same(call)] = until_s

    def report(self, call: SeenCall, *, input_tokens: int, output_tokens: int) -> None:
        """Remember the usage that a call is told."""
        call.input_tokens, call.output_tokens = input_tokens, output_tokens
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens


def _same(call: SeenCall) -> int:
    return zlib.crc32(call.body, zlib.crc32(call.model.encode()))
