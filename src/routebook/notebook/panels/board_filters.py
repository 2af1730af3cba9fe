"""The filters of the board in the page: what may be chosen and what is goes down as traits, a choice comes up as a message."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from routebook.books.recent import FILTERS
from routebook.notebook.widget import answer_while_busy, show_widget

SINCE: Final = "since"
TIMES: Final = {"15 min": dt.timedelta(minutes=15), "1 h": dt.timedelta(hours=1), "6 h": dt.timedelta(hours=6), "24 h": dt.timedelta(days=1),
    "7 days": dt.timedelta(days=7), "4 weeks": dt.timedelta(weeks=4)}  # fmt: skip
MOST: Final = 200
"""Names of a filter that are offered."""


class BoardFilters:
    """The controls while they are live."""

    def __init__(self, *, choose: Callable[[str, str], object], stop: Callable[[], object]) -> None:
        """`choose` is called with a filter's name and its value (none: empty), `stop` when the board is to be left; on the thread that hears it."""

        def act(_widget: object, content: Mapping[str, Any], _buffers: object) -> None:
            if content.get("kind") == "filter" and content.get("name") in (SINCE, *FILTERS):
                choose(str(content["name"]), str(content.get("value", "")))
            elif content.get("kind") == "stop":
                stop()

        self._widget = _filters()()
        self._widget.on_msg(act)
        answer_while_busy(self._widget)
        self._handle: Any = None

    def show(self) -> None:
        """Show the controls in the running cell. Of what was saved while they lived nothing is left: the board below says what was chosen."""
        self._handle = show_widget(self._widget, text="", html="")

    def tell(self, offered: Mapping[str, Sequence[str]], chosen: Mapping[str, str], *, since: str) -> None:
        """Say what there is to choose from, and what is chosen; `since` names the time, if it is none of the usual ones."""
        lists = {name: _options(offered.get(name, ()), chosen.get(name)) for name in FILTERS}
        times = [("", "today"), *((text, text) for text in TIMES)]
        lists[SINCE] = times if since in ("", *TIMES) else [(since, since), *times]
        with self._widget.hold_sync():  # what has not changed is not sent
            self._widget.offered = lists
            self._widget.chosen = {**chosen, SINCE: since}

    def close(self) -> None:
        """Take them away."""
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)
        self._widget.layout.close()
        self._widget.close()


def _options(names: Sequence[str], chosen: str | None) -> list[tuple[str, str]]:
    """The values of a filter with their texts, the chosen one always among them."""
    shown = list(names[:MOST])
    return [("", "all"), *((name, name) for name in ([chosen] if chosen and chosen not in shown else []) + shown)]


@cache
def _filters() -> Any:  # noqa: ANN401  the class is made when anywidget loads
    import anywidget
    from traitlets import Dict

    static = files("routebook.notebook") / "static"

    class Filters(anywidget.AnyWidget):
        """The filters of the board."""

        _esm = (static / "board.js").read_text(encoding="utf-8")
        _css = "".join((static / name).read_text(encoding="utf-8") for name in ("cell.css", "board.css"))
        offered: Dict[str, Any] = Dict().tag(sync=True)
        chosen: Dict[str, str] = Dict().tag(sync=True)

    return Filters
