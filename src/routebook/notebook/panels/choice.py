"""A question to the person at the notebook, asked while the cell runs, so that no dead buttons are ever saved."""

from __future__ import annotations

import queue
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

from routebook.notebook.session import Session
from routebook.notebook.widget import answer_while_busy

_TICK_S: Final = 0.1
_SUBSHELLS: Final = 7
"""The first ipykernel that hears a button while a cell runs."""


def choose(session: Session, question: str, choices: Sequence[str]) -> str | None:
    """Return what the person chose; `None` where nobody can be asked: nbconvert, papermill, a script.

    Raises:
        KeyboardInterrupt: the stop button, instead of a choice.
    """
    if not session.is_interactive:
        return None
    return _by_button(question, choices) if session.is_kernel and _hears_buttons() else _by_key(question, choices)


def _hears_buttons() -> bool:
    return int(version("ipykernel").partition(".")[0]) >= _SUBSHELLS


def _by_button(question: str, choices: Sequence[str]) -> str:
    """Buttons; the main thread waits."""
    from IPython.display import display

    chosen: queue.SimpleQueue[str] = queue.SimpleQueue()

    def hear(_widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        if content.get("kind") == "choice" and content.get("choice") in choices:
            chosen.put(content["choice"])

    widget = _widget()(question=question, choices=list(choices))
    widget.on_msg(hear)
    answer_while_busy(widget)
    bundle = widget._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    handle = display({**data, "text/plain": question}, raw=True, display_id=True)
    try:
        while True:
            try:
                return chosen.get(timeout=_TICK_S)
            except queue.Empty:
                continue
    finally:
        handle.update({"text/plain": ""}, raw=True)
        widget.layout.close()
        widget.close()


def _by_key(question: str, choices: Sequence[str]) -> str:
    """Typed; asked again until it is one of them, or the beginning of just one."""
    while True:
        typed = input(f"{question} [{' / '.join(choices)}] ").strip().lower()
        fitting = [choice for choice in choices if choice.lower().startswith(typed)] if typed else []
        exact = [choice for choice in choices if choice.lower() == typed]
        if exact or len(fitting) == 1:
            return (exact or fitting)[0]


@cache
def _widget() -> Any:  # noqa: ANN401  the class is made when anywidget loads
    import anywidget
    from traitlets import List, Unicode

    static = files("routebook.notebook") / "static"

    class Ask(anywidget.AnyWidget):
        """A question and its buttons."""

        _esm = (static / "ask.js").read_text(encoding="utf-8")
        _css = (static / "cell.css").read_text(encoding="utf-8")
        question = Unicode("").tag(sync=True)
        choices: List[str] = List().tag(sync=True)

    return Ask
