"""The editor of `routing.toml` in the page: state goes down as traits, what a person does comes up as messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from routebook.config.keylike import masked
from routebook.errors import Problem
from routebook.messages import Plan
from routebook.notebook import wording
from routebook.notebook.controls import NOTHING, Controls, static
from routebook.notebook.page import Bundle


class Did(NamedTuple):
    """What a person did."""

    kind: str
    """`edit`, `try`, `move`, `save`, `load`, `back`, `reload`, `fetch`, `look` or `close`."""
    serial: int
    """Counts what was typed in the editor: an answer to an older one is not shown."""
    text: str | None
    """The whole text of the editor, of what needs it."""
    prompt: str
    route: int
    by: int

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Did:
        """A message of the page."""
        text = content.get("text")
        return cls(
            str(content.get("kind")), _whole(content, "serial"), text if isinstance(text, str) else None, str(content.get("prompt") or ""),
            _whole(content, "route"), _whole(content, "by"),
        )  # fmt: skip


class ConfigWidget(Controls):
    """The editor while it is live."""

    def __init__(self, *, file: str, text: str, prompt: str, hear: Callable[[Did], None]) -> None:
        """`hear` is called with what a person does, on the thread that hears it."""
        widget = _editor()(file=file, text=_kept(text), prompt=prompt)
        super().__init__(widget, hear=lambda content: hear(Did.read(content)))

    def keep(self, text: str) -> None:
        """Keep the text for a page that is loaded again."""
        self.tell(text=_kept(text))

    def replace(self, text: str, *, serial: int) -> None:
        """Put another text into the editor, unless something was typed since `serial`."""
        self.send(kind="replace", text=text, serial=serial)
        self.keep(text)

    def close(self, page: Bundle = NOTHING) -> None:
        """Put a page in its place."""
        self.tell(text="", prompt="")  # nbclient saves the last state of every widget, closed ones too
        super().close(page)


def checked(problems: Sequence[Problem], routes: Sequence[str], *, serial: int, is_changed: bool) -> dict[str, Any]:
    """What a check found, as the page shows it."""
    found = [{"line": one.line or 0, "where": one.path, "said": f"{one.what} {one.hint}".strip()} for one in problems]
    return {"serial": serial, "problems": found, "routes": list(routes), "changed": is_changed}


def tried(plan: Plan, *, by: str, line: int | None) -> dict[str, Any]:
    """A plan as the page shows it; `line` is where its route stands in the text."""
    parts = [[title, lines] for title, lines in wording.reasons(plan)]
    if not plan.candidates:
        parts.append(["To try, in order", ["nothing is left: a cell would say so, and send nothing"]])
    return {"head": wording.headline(plan), "by": by, "parts": parts, "line": line or 0}


def _kept(text: str) -> str:
    """The text as it may be kept in a notebook: one with a key in it may not."""
    return text if masked(text) == text else ""


def _whole(content: Mapping[str, Any], name: str) -> int:
    value = content.get(name)
    return value if isinstance(value, int) else 0


@cache
def _editor() -> Any:  # noqa: ANN401  the class is made when anywidget loads
    import anywidget
    from traitlets import Bool, Dict, Unicode

    class Editor(anywidget.AnyWidget):
        """The editor of `routing.toml`, and a prompt to try it with."""

        _esm = static("parts.js", "panel.js", "editor.js", "config.js")
        _css = static("parts.css", "panel.css", "config.css")
        file = Unicode("").tag(sync=True)
        text = Unicode("").tag(sync=True)
        prompt = Unicode("").tag(sync=True)
        checked: Dict[str, Any] = Dict().tag(sync=True)
        tried: Dict[str, Any] = Dict().tag(sync=True)
        state = Unicode("").tag(sync=True)
        note = Unicode("").tag(sync=True)
        stale = Bool(default_value=False).tag(sync=True)
        has_mine = Bool(default_value=False).tag(sync=True)

    return Editor
