"""A widget in the page: the files it is made of, its place in a cell's output, and what a person does in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, Final

from routebook.notebook.page import Bundle

LIVE: Final = "application/vnd.routebook.live+json"
"""Marks an output that our extension of JupyterLab draws: the widget while it lives, else the HTML beside it."""
NOTHING: Final[Bundle] = {"text/plain": ""}
"""An output that shows nothing."""


class Controls:
    """The controls of a panel while they live: state goes down as traits, what a person does comes up as messages."""

    def __init__(self, widget: Any, *, hear: Callable[[Mapping[str, Any]], object]) -> None:  # noqa: ANN401  anywidget's
        """`hear` is called with each message of the page, on the thread that hears it."""
        self._widget = widget
        self._handle: Any = None
        widget.on_msg(lambda _widget, content, _buffers: hear(content))
        answer_while_busy(widget)

    def show(self, page: Bundle) -> None:
        """Show them in the running cell; the page is what a notebook shows that was saved while they lived."""
        self._handle = new_place()
        show_widget(self._widget, self._handle, text=page["text/plain"], html=page.get("text/html", ""))

    def tell(self, **traits: object) -> None:
        """Change what they show, all at once; what has not changed is not sent."""
        with self._widget.hold_sync():
            for name, value in traits.items():
                setattr(self._widget, name, value)

    def send(self, **message: object) -> None:
        """Send the page a message."""
        self._widget.send(message)

    def close(self, page: Bundle = NOTHING) -> None:
        """Put a page in their place."""
        if self._handle is not None:
            self._handle.update(page, raw=True)
        self._widget.layout.close()
        self._widget.close()


def static(*names: str) -> str:
    """The text of files of `static/`, one behind the other: a widget is given one script and one style sheet."""
    folder = files("routebook.notebook") / "static"
    return "".join((folder / name).read_text(encoding="utf-8") for name in names)


def new_place() -> Any:  # noqa: ANN401
    """A display's handle. It is there before anything is sent, so that who is interrupted in between can take away what was shown."""
    from IPython.display import DisplayHandle

    return DisplayHandle()


def show_widget(widget: Any, place: Any, *, text: str, html: str | None = None, is_shown: bool = False) -> None:  # noqa: ANN401
    """Show a widget, in the place of what the handle `place` shows if something is shown there.

    `text` is its twin, and `html` what a notebook shows that was saved while the widget lived: our extension of JupyterLab shows it in the place of a
    widget that is gone.
    """
    bundle = widget._repr_mimebundle_()
    data: dict[str, Any] = {**(bundle[0] if isinstance(bundle, tuple) else bundle), "text/plain": text}
    if html is not None:
        data |= {"text/html": html, LIVE: {}}
    (place.update if is_shown else place.display)(data, raw=True)


def answer_while_busy(widget: Any) -> None:  # noqa: ANN401
    """Keep a widget's buttons working while the cell runs on ipykernel 7.4, which sends a widget's messages to the blocked main shell.

    The name is private to ipykernel; where it is gone there is nothing to mend. Older kernels cancel by the stop button.
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda _data, default: default  # noqa: SLF001
