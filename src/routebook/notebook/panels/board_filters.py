"""The filters of the board in the page: what may be chosen and what is goes down as traits, a choice comes up as a message."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from routebook.books.recent import FILTERS
from routebook.notebook.controls import NOTHING, Controls, static
from routebook.notebook.page import Bundle

SINCE: Final = "since"
TIMES: Final = {"15 min": dt.timedelta(minutes=15), "1 h": dt.timedelta(hours=1), "6 h": dt.timedelta(hours=6), "24 h": dt.timedelta(days=1),
    "7 days": dt.timedelta(days=7), "4 weeks": dt.timedelta(weeks=4)}  # fmt: skip
MOST: Final = 200
"""Names of a filter that are offered."""


class BoardFilters(Controls):
    """The controls while they are live."""

    def __init__(self, *, choose: Callable[[str, str], object], stop: Callable[[], object]) -> None:
        """`choose` is called with a filter's name and its value (none: empty), `stop` when the board is to be left; on the thread that hears it."""

        def act(content: Mapping[str, Any]) -> None:
            if content.get("kind") == "filter" and content.get("name") in (SINCE, *FILTERS):
                try:
                    choose(str(content["name"]), str(content.get("value", "")))
                finally:
                    self.heard = int(content.get("serial", 0))
            elif content.get("kind") == "stop":
                stop()

        super().__init__(_filters()(), hear=act)
        self.heard = 0
        """The number of the page's last choice that has been made."""

    def show(self, page: Bundle = NOTHING) -> None:
        """Show them in the running cell. Of what was saved while they lived nothing is left: the board below says what was chosen."""
        super().show(page)

    def offer(self, offered: Mapping[str, Sequence[str]], chosen: Mapping[str, str], *, since: str, heard: int) -> None:
        """Say what there is to choose from, and what is chosen, by the choices up to `heard`; `since` names the time, if it is none of the usual ones."""
        lists = {name: _options(offered.get(name, ()), chosen.get(name)) for name in FILTERS}
        times = [("", "today"), *((text, text) for text in TIMES)]
        lists[SINCE] = times if since in ("", *TIMES) else [(since, since), *times]
        self.tell(offered=lists, chosen={**chosen, SINCE: since}, heard=heard)


def _options(names: Sequence[str], chosen: str | None) -> list[tuple[str, str]]:
    """The values of a filter with their texts, the chosen one always among them."""
    shown = list(names[:MOST])
    return [("", "all"), *((name, name) for name in ([chosen] if chosen and chosen not in shown else []) + shown)]


@cache
def _filters() -> Any:  # noqa: ANN401  the class is made when anywidget loads
    import anywidget
    from traitlets import Dict, Int

    class Filters(anywidget.AnyWidget):
        """The filters of the board."""

        _esm = static("parts.js", "board.js")
        _css = static("parts.css", "board.css")
        offered: Dict[str, Any] = Dict().tag(sync=True)
        chosen: Dict[str, str] = Dict().tag(sync=True)
        heard = Int(0).tag(sync=True)

    return Filters
