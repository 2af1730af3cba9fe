"""A cell in a notebook: one widget while it runs, static HTML when it is done.

The widget is a bus: one small message every tick carries what is new, and the page appends it as text. At the end the widget is
replaced, because a saved widget is dead when its notebook is opened again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from routebook.messages import Answer
from routebook.notebook.page import answer_page


class WidgetView:
    """Shows a cell in JupyterLab, Notebook, VS Code or Colab; where no widget is drawn, the static form is what is seen."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._widget: Any = None
        self._handle: Any = None

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
        news = {"head": head, "state": state, "delta": delta or None, "void": void}
        self._widget.send({name: value for name, value in news.items() if value is not None})

    def close(self, answer: Answer | None) -> None:
        """Put the static form in the widget's place."""
        if self._handle is None:
            return
        page = answer_page(answer) if answer is not None else {"text/plain": ""}
        self._handle.update(page, raw=True)
        self._widget.close()


@cache
def _cell_widget() -> Any:  # noqa: ANN401  the class is made when anywidget loads
    import anywidget

    static = files("routebook.notebook") / "static"

    class Cell(anywidget.AnyWidget):
        """The live view of one cell."""

        _esm = (static / "cell.js").read_text(encoding="utf-8")
        _css = (static / "cell.css").read_text(encoding="utf-8")

    return Cell


def _answer_while_busy(widget: Any) -> None:  # noqa: ANN401
    """Keep Cancel working while the cell runs on ipykernel 7.4, which sends a widget's messages to the blocked main shell.

    The name is private to ipykernel; where it is gone there is nothing to mend. Older kernels cancel by the stop button.
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda _data, default: default  # noqa: SLF001
