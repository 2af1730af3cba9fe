"""A question to the person at the notebook, asked while the cell runs, so that no dead buttons are ever saved.

Buttons, where the page says within a few seconds that it has drawn them and is heard; else a line to type in. Some front ends draw no widgets, and
some send what a person clicks only when the cell has ended: there the buttons would wait for ever.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any, Final

from routebook.notebook.controls import Controls, static
from routebook.notebook.live import Interrupted
from routebook.notebook.report import report
from routebook.notebook.session import Session

_TICK_S: Final = 0.1
_SUBSHELLS: Final = 7
"""The first ipykernel that hears a button while a cell runs."""
_HERE_S: Final = 5.0
"""How long a page may take to say that it is there: the first widget of a page loads what draws it."""


def _always() -> bool:
    return True


def choose(
    session: Session, question: str, choices: Sequence[str], *, hint: str = "", is_wanted: Callable[[], bool] = _always
) -> str | None:  # fmt: skip
    """Return what the person chose; `None` where nobody can be asked: nbconvert, papermill, a script. `hint` says more in small print.

    The buttons go, and `None` is returned, when the answer `is_wanted` no more. A line that is typed in waits for its end all the same.

    Raises:
        Interrupted: the stop button, instead of a choice.
    """
    if not session.is_interactive:
        return None
    try:
        can_click = session.has_page and _hears_buttons()
        by_button = _by_button(question, choices, hint=hint, is_wanted=is_wanted) if can_click else None
        return by_button or (_by_key(question, choices, hint=hint) if is_wanted() else None)
    except KeyboardInterrupt:
        raise Interrupted("a question was not answered.") from None


def _hears_buttons() -> bool:
    return int(version("ipykernel").partition(".")[0]) >= _SUBSHELLS


def _by_button(question: str, choices: Sequence[str], *, hint: str, is_wanted: Callable[[], bool]) -> str | None:
    """Buttons; the main thread waits. `None` when no page is there that draws them and is heard."""
    chosen: queue.SimpleQueue[str] = queue.SimpleQueue()

    def hear(content: Mapping[str, Any]) -> None:
        if content.get("kind") == "choice" and content.get("choice") in choices:
            chosen.put(content["choice"])
        elif content.get("kind") == "here":
            here.set()

    here = threading.Event()
    controls = Controls(_widget()(question=question, choices=list(choices), hint=hint), hear=hear)
    try:
        controls.show(report(f"{question} Nobody had answered when this notebook was saved."))
        until = time.monotonic() + _HERE_S
        while is_wanted() and (here.is_set() or time.monotonic() < until):
            try:
                return chosen.get(timeout=_TICK_S)
            except queue.Empty:
                continue
        return None
    finally:
        controls.close()


def _by_key(question: str, choices: Sequence[str], *, hint: str) -> str:
    """Typed; asked again until it is one of them, or the beginning of just one."""
    if hint:
        print(hint)  # noqa: T201  a line above the one that is typed in
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

    class Ask(anywidget.AnyWidget):
        """A question and its buttons."""

        _esm = static("parts.js", "ask.js")
        _css = static("parts.css")
        question = Unicode("").tag(sync=True)
        hint = Unicode("").tag(sync=True)
        choices: List[str] = List().tag(sync=True)

    return Ask
