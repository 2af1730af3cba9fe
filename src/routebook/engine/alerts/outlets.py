"""Where figures go besides the books, as `[metrics]` says: Prometheus, OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from routebook.engine.turn import Ended
from routebook.errors import UsageError

if TYPE_CHECKING:
    from routebook.engine.runtime import Runtime


class Outlet(Protocol):
    """Hears of every request that is over."""

    def ended(self, ended: Ended) -> None:
        """Take its figures; quick, and without an error."""

    def close(self) -> None:
        """Stop."""


def outlets(runtime: Runtime) -> tuple[Outlet, ...]:
    """Open what the config asks for. What cannot be opened is told with the next answer: figures are no reason not to answer."""
    asked, opened = runtime.config.metrics, list[Outlet]()
    try:
        if asked.port is not None:
            from routebook.engine.alerts.metrics import Metrics

            opened.append(Metrics(asked.port))
        if asked.spans:
            from routebook.engine.alerts.spans import Spans

            opened.append(Spans({name: provider.kind for name, provider in runtime.config.providers.items()}))
    except UsageError as error:
        runtime.alarms.say(str(error))
    runtime.when_ended.extend(outlet.ended for outlet in opened)
    return tuple(opened)
