"""A cell in a notebook: one widget while it runs, static HTML when it is done.

The widget is a bus: one small message every tick carries what is new, and the page appends it as text. At the end the widget is
replaced, because a saved widget is dead when its notebook is opened again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, Final

from routebook.messages import Answer
from routebook.notebook.page import Bundle, answer_page, unfinished_page

CATCH_UP_S: Final = 1.0
"""How often the whole text is sent as state, for a page that opened late or missed a message; longer texts are sent less often."""
LONG: Final = 20_000


class WidgetView:
    """Shows a cell in JupyterLab, Notebook, VS Code or Colab; where no widget is drawn, the static form is what is seen."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._widget: Any = None
        self._handle: Any = None
        self._head = self._text = ""
        self._caught_up = 0.0

    def open(self, *, cancel: Callable[[], None]) -> None:
        """Show the widget."""
        from IPython.display import display

        self._widget = _cell_widget()()
        self._widget.on_msg(lambda _widget, content, _buffers: cancel() if content.get("kind") == "cancel" else None)
        _answer_while_busy(self._widget)
        bundle = self._widget._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        self._handle = display({**data, "text/plain": "…"}, raw=True, display_id=True)

    def show(self, *, head: str | None, state: str | None, delta: str, void: str | None) -> None:
        """Send what is new."""
        widget = self._widget
        if head is not None:
            self._head = widget.head = head
        if void is not None:
            self._text = widget.text = ""
            widget.send({"void": void})
        if state is not None:
            widget.state = state
        if delta:
            widget.send({"at": _length(self._text), "delta": delta})
            self._text += delta
            self._catch_up()

    def _catch_up(self) -> None:
        pause_s = CATCH_UP_S * (1 + len(self._text) / LONG)
        if (now := time.monotonic()) - self._caught_up > pause_s:
            self._caught_up = now
            self._widget.text = self._text

    def close(self, answer: Answer | None) -> None:
        """Put the static form in the widget's place."""
        if self._handle is None:
            return
        self._handle.update(self._last_page(answer), raw=True)
        self._widget.text = ""  # nbclient saves the last state of every widget, closed ones too
        self._widget.layout.close()
        self._widget.close()

    def _last_page(self, answer: Answer | None) -> Bundle:
        if answer is not None:
            return answer_page(answer)
        return unfinished_page(self._head, self._text) if self._head else {"text/plain": ""}


def _length(text: str) -> int:
    """The length of a text as a page counts it, in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


@cache
def _cell_widget() -> Any:  # noqa: ANN401  the class is made when anywidget loads
    import anywidget
    from traitlets import Unicode

    static = files("routebook.notebook") / "static"

    class Cell(anywidget.AnyWidget):
        """The live view of one cell."""

        _esm = (static / "cell.js").read_text(encoding="utf-8")
        _css = (static / "cell.css").read_text(encoding="utf-8")
        head = Unicode("").tag(sync=True)
        state = Unicode("starting").tag(sync=True)
        text = Unicode("").tag(sync=True)

    return Cell


def _answer_while_busy(widget: Any) -> None:  # noqa: ANN401
    """Keep Cancel working while the cell runs on ipykernel 7.4, which sends a widget's messages to the blocked main shell.

    The name is private to ipykernel; where it is gone there is nothing to mend. Older kernels cancel by the stop button.
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda _data, default: default  # noqa: SLF001
