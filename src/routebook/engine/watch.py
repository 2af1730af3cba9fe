"""Watches one attempt's times: first token, idle between tokens, total. The time to connect is the HTTP client's.

One timer an attempt, set again at the first token and when it fires: a token costs no more than writing down the time. Time in which the
loop itself stood still, because the machine was busy or asleep, is not the provider's silence: the answer may be waiting in the socket.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Literal, Self

from routebook.config.values import Timeouts
from routebook.errors import TimedOut

Phase = Literal["first_token", "idle", "total", "deadline"]
STOOD_STILL_S: Final = 0.1
"""A timer that fires so late was kept waiting by its own loop."""


class Watch:
    """Cancels the task that entered it when a time runs out, and turns that into `TimedOut`; like `asyncio.timeout`, with phases."""

    def __init__(self, times: Timeouts, *, until: float, provider: str) -> None:
        """`until` is the request's deadline, in the loop's time."""
        self._times, self._until, self._provider = times, until, provider
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._ran_out: tuple[Phase, float] | None = None
        self._stood_still_s = 0.0
        """Since the last token."""
        self.sent = self.last = self._loop.time()
        self.first: float | None = None
        """When the first token came, in the loop's time."""

    def token(self) -> None:
        """A token came."""
        self.last, self._stood_still_s = self._loop.time(), 0.0
        if self.first is None:
            self.first = self.last
            self._set_timer()  # the idle time may end before the time to the first token would have

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a watch needs a task")
        self._task, self._cancelling = task, task.cancelling()
        self._set_timer()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ran_out and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            phase, limit_s = self._ran_out
            raise TimedOut(phase, limit_s=limit_s, provider=self._provider) from error

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(min(self._ends())[0], self._look)

    def _look(self) -> None:
        """See whether a time ran out; if not, look again when the next one could."""
        assert self._timer is not None  # noqa: S101 - it is what called
        late_s = self._loop.time() - self._timer.when()
        if late_s > STOOD_STILL_S:
            self._stood_still_s += 2 * late_s  # and as long again, to read what has gathered
        ends = min(self._ends())
        if ends[0] <= self._loop.time():
            self._ran_out = ends[1], ends[2]
            self._task.cancel()
        else:
            self._set_timer()

    def _ends(self) -> tuple[tuple[float, Phase, float], ...]:
        """When each time that runs now ends."""
        times = self._times
        phase: Phase
        total, phase = self.sent + times.total_s, "total"
        if self._until < total:
            total, phase = self._until, "deadline"
        waits: tuple[float, Phase, float] = (
            (self.sent + times.first_token_s + self._stood_still_s, "first_token", times.first_token_s)
            if self.first is None
            else (self.last + times.idle_s + self._stood_still_s, "idle", times.idle_s)
        )
        return waits, (total, phase, round(total - self.sent, 1))
