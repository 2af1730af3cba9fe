"""What a scripted server allows: calls a minute and calls at once, over all models or of one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from routebook.config.scripted import Fault

_MINUTE_S: Final = 60.0


@dataclass(slots=True)
class Allowance:
    """Limits that are enforced: a call above one gets a 429."""

    rpm: int | None = None
    max_concurrent: int | None = None
    _minute: deque[float] = field(default_factory=deque, init=False, repr=False)

    def refusal(self, *, concurrent: int, now: float) -> Fault | None:
        """Count a call, or return what it gets instead of an answer.

        Args:
            concurrent: calls under way, without this one.
            now: seconds of a clock that only goes up.
        """
        if self.max_concurrent is not None and concurrent >= self.max_concurrent:
            return Fault(kind="rate_limit")
        if self.rpm is None:
            return None
        while self._minute and self._minute[0] <= now - _MINUTE_S:
            self._minute.popleft()
        if len(self._minute) >= self.rpm:
            return Fault(kind="rate_limit", retry_after_s=round(self._minute[0] + _MINUTE_S - now, 3))
        self._minute.append(now)
        return None
