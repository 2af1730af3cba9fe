"""The compare panel's controls in the page: state goes down as traits, what a person does comes up as messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from routebook.engine.survey import ModelLine
from routebook.notebook.commands.models import state_of
from routebook.notebook.controls import Controls, static
from routebook.notebook.panels.panel_form import Form


class Said(NamedTuple):
    """What a person did."""

    kind: str
    """`run`, `cancel`, `close`, `vote`, `rate`, `note` or `export`."""
    pane: str
    score: float
    """0 to 1, of `rate`."""
    content: Mapping[str, Any]
    """The fields, of `run`; the `note`; the `form` of an export."""

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Said:
        """A message of the page."""
        return cls(str(content.get("kind")), str(content.get("pane", "")), _score(content), content)


class PanelWidget(Controls):
    """The controls while they are live."""

    def __init__(self, form: Form, lines: Sequence[ModelLine], *, hear: Callable[[Said], None]) -> None:
        """`hear` is called with what a person does, on the thread that hears it."""
        widget = _panel()(
            prompt=form.prompt, picked=list(form.models), models=[_offered(line) for line in lines],
            temperature=_text(form.temperature), max_tokens=_text(form.max_tokens), repeat=_text(form.repeat),
        )  # fmt: skip
        super().__init__(widget, hear=lambda content: hear(Said.read(content)))

    def give(self, form: str, text: str) -> None:
        """Give the page a text for the clipboard."""
        self.send(kind="copy", form=form, text=text)


def _offered(line: ModelLine) -> dict[str, Any]:
    """A model as the picker shows it."""
    left_out = line.state == "left out"
    return {"name": line.name, "tier": line.tier, "state": state_of(line), "why": line.reason if left_out else "", "off": left_out}


def _score(content: Mapping[str, Any]) -> float:
    score = content.get("score")
    return min(1.0, max(0.0, float(score))) if isinstance(score, int | float) else 0.0


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


@cache
def _panel() -> Any:  # noqa: ANN401  the class is made when anywidget loads
    import anywidget
    from traitlets import Bool, Dict, List, Unicode

    class Panel(anywidget.AnyWidget):
        """The controls of the compare panel."""

        _esm = static("parts.js", "panel.js", "compare.js")
        _css = static("parts.css", "panel.css", "compare.css")
        prompt = Unicode("").tag(sync=True)
        picked: List[str] = List().tag(sync=True)
        models: List[dict[str, Any]] = List(Dict()).tag(sync=True)
        temperature = Unicode("").tag(sync=True)
        max_tokens = Unicode("").tag(sync=True)
        repeat = Unicode("1").tag(sync=True)
        running = Bool(default_value=False).tag(sync=True)
        state = Unicode("").tag(sync=True)
        note = Unicode("").tag(sync=True)
        panes: List[str] = List().tag(sync=True)
        answered: List[str] = List().tag(sync=True)
        won = Unicode("").tag(sync=True)
        verdict = Unicode("").tag(sync=True)

    return Panel
