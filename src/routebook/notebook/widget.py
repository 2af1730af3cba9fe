"""A cell in a notebook: one widget while it runs, static HTML when it is done.

The widget is a bus: one small message every tick carries what is new in all panes, and the page appends it as text. At the end the widget
is replaced, because a saved widget is dead when its notebook is opened again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from routebook.errors import RoutebookError
from routebook.messages import Answer
from routebook.notebook.blocks import Blocks
from routebook.notebook.controls import answer_while_busy, new_place, show_widget, static
from routebook.notebook.gather import News
from routebook.notebook.live import ALONE
from routebook.notebook.markdown import render
from routebook.notebook.page import Bundle, answer_page, template, unfinished_page
from routebook.notebook.stages import Stage

CATCH_UP_S: Final = 1.0
"""How often the whole texts are sent as state, for a page that opened late or missed a message; longer texts are sent less often."""
LONG: Final = 20_000
RUNNING: Final = "It was under way when this notebook was saved. Run the cell again for its answer."

LastPage = Callable[[Mapping[str, Answer], Mapping[str, RoutebookError]], Bundle]
"""Makes the static form of all panes from the answers and failures."""


class _Text:
    """The text of one pane: what has settled as HTML, and the tail as it was written."""

    __slots__ = ("blocks", "html", "length", "pieces", "settled")

    def __init__(self) -> None:
        self.blocks = Blocks()
        self.pieces: list[str] = []
        self.html = ""
        self.settled = 0
        """Characters that `html` stands for."""
        self.length = 0

    def add(self, delta: str) -> dict[str, str | int]:
        """Take text in; return what the page is told."""
        self.pieces.append(delta)
        self.length += len(delta)
        at = _length(self.blocks.tail)
        block = self.blocks.add(delta)
        if not block:
            return {"from": self.settled, "at": at, "delta": delta}
        html, start = render(block), self.settled
        self.html += html
        self.settled += len(block)
        return {"from": start, "html": html, "length": len(block), "at": 0, "delta": self.blocks.tail}


class PanesWidget:
    """Shows requests side by side in JupyterLab, Notebook, VS Code or Colab; where no widget is drawn, the static form is what is seen."""

    def __init__(self, panes: Sequence[str], *, last_page: LastPage, handle: Any = None) -> None:  # noqa: ANN401  IPython's
        """Nothing is shown yet; with a `handle` of a display it takes that one's place, else it makes its own."""
        self._panes, self._last_page = list(panes), last_page
        self._widget: Any = None
        self._handle: Any = handle
        self._page: Bundle | None = None
        self.heads: dict[str, str] = {}
        self._states: dict[str, str] = dict.fromkeys(panes, "starting")
        self._texts = {pane: _Text() for pane in panes}
        self._caught_up = 0.0
        self._titles: dict[str, list[tuple[str, bool]]] = {}
        """The steps of pipelines that the page knows of, by pane."""

    def text(self, pane: str) -> str:
        """What came in a pane since it was last void."""
        return "".join(self._texts[pane].pieces)

    def open(self, *, cancel: Callable[[str], None]) -> None:
        """Show the widget."""

        def act(_widget: object, content: Mapping[str, Any], _buffers: object) -> None:
            if content.get("kind") == "cancel" and content.get("pane") in self._panes:
                cancel(content["pane"])

        self._widget = _cell_widget()(panes=self._panes, states=self._states)
        self._widget.on_msg(act)
        answer_while_busy(self._widget)
        is_shown, self._handle = self._handle is not None, self._handle or new_place()
        show_widget(self._widget, self._handle, text="…", html=template("line").substitute(text=RUNNING), is_shown=is_shown)

    def show(self, news: Mapping[str, News]) -> None:
        """Send what is new."""
        widget = self._widget
        with widget.hold_sync():
            self._heads(widget, news)
            for pane, piece in news.items():
                if piece.void is not None:
                    self._texts[pane] = _Text()
            if any(piece.void is not None for piece in news.values()):
                self._send_whole()  # before the text that follows, which must not be taken for what is void
            self._show_stages(widget, news)
        message = {pane: told for pane, piece in news.items() if (told := self._told(pane, piece))}
        if message:
            widget.send(message)
            self._catch_up()

    def _told(self, pane: str, piece: News) -> dict[str, str | int]:
        """A pane's part of the message."""
        told: dict[str, str | int] = {} if piece.void is None else {"void": piece.void}
        if piece.stages and not piece.stages[-1].is_done:
            told["stage"] = piece.stages[-1].text
        if piece.speed is not None:
            told["speed"] = round(piece.speed)
        return {**told, **self._texts[pane].add(piece.delta)} if piece.delta else told

    def show_again(self) -> None:
        """Show the final form: a program that runs notebooks hears only the cell that runs, and this may be another one by now."""
        if self._handle is not None and self._page is not None:
            self._handle.update(self._page, raw=True)

    def _heads(self, widget: Any, news: Mapping[str, News]) -> None:  # noqa: ANN401
        """Headlines and states, each sent only when one of them changed."""
        heads = {pane: piece.head for pane, piece in news.items() if piece.head is not None}
        states = {pane: piece.state for pane, piece in news.items() if piece.state is not None}
        if heads:
            self.heads = widget.heads = {**self.heads, **heads}
        if states:
            self._states = widget.states = {**self._states, **states}

    def _show_stages(self, widget: Any, news: Mapping[str, News]) -> None:  # noqa: ANN401
        """The steps of pipelines, sent when one began or ended: what the last one says comes with the message."""
        fresh = {pane: piece.stages for pane, piece in news.items() if piece.stages is not None}
        if any([(stage.title, stage.is_done) for stage in stages] != self._titles.get(pane) for pane, stages in fresh.items()):
            told = {
                pane: [{"title": stage.title, "html": render(stage.text) if stage.is_done else None} for stage in stages]
                for pane, stages in fresh.items()
            }
            self._titles |= {pane: [(stage.title, stage.is_done) for stage in stages] for pane, stages in fresh.items()}
            widget.stages = {**widget.stages, **told}

    def _catch_up(self) -> None:
        pause_s = CATCH_UP_S * (1 + sum(text.length for text in self._texts.values()) / LONG)
        if (now := time.monotonic()) - self._caught_up > pause_s:
            self._caught_up = now
            self._send_whole()

    def _send_whole(self) -> None:
        """The whole texts as state."""
        with self._widget.hold_sync():
            self._widget.settled = {pane: text.html for pane, text in self._texts.items()}
            self._widget.lengths = {pane: text.settled for pane, text in self._texts.items()}
            self._widget.tails = {pane: text.blocks.tail for pane, text in self._texts.items()}

    def close(self, answers: Mapping[str, Answer], failures: Mapping[str, RoutebookError]) -> None:
        """Put the static form in the widget's place."""
        if self._widget is None:
            return
        self._page = self._last_page(answers, failures)
        self.show_again()
        self._widget.settled = self._widget.tails = (
            self._widget.stages
        ) = {}  # nbclient saves the last state of every widget, closed ones too
        self._widget.layout.close()
        self._widget.close()


class WidgetView:
    """Shows a cell of one request: a widget of one pane."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._widget = PanesWidget([ALONE], last_page=self._last_page)
        self._stages: tuple[Stage, ...] | None = None

    def open(self, *, cancel: Callable[[], None]) -> None:
        """Show the widget."""
        self._widget.open(cancel=lambda _pane: cancel())

    def show(self, *, head: str | None, state: str | None, delta: str, void: str | None) -> None:
        """Send what is new."""
        stages, self._stages = self._stages, None
        self._widget.show({ALONE: News(head, state, delta, void, stages)})

    def steps(self, stages: Sequence[Stage]) -> None:
        """Show them with what comes next."""
        self._stages = tuple(stages)

    def close(self, answer: Answer | None) -> None:
        """Put the static form in the widget's place."""
        self._widget.close({} if answer is None else {ALONE: answer}, {})

    def _last_page(self, answers: Mapping[str, Answer], _failures: Mapping[str, RoutebookError]) -> Bundle:
        if ALONE in answers:
            return answer_page(answers[ALONE])
        head = self._widget.heads.get(ALONE)
        return unfinished_page(head, self._widget.text(ALONE)) if head else {"text/plain": ""}


def _length(text: str) -> int:
    """The length of a text as a page counts it, in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


@cache
def _cell_widget() -> Any:  # noqa: ANN401  the class is made when anywidget loads
    import anywidget
    from traitlets import Dict, List

    class Cell(anywidget.AnyWidget):
        """The live view of one cell."""

        _esm = static("parts.js", "cell.js")
        _css = static("parts.css", "cell.css")
        panes: List[str] = List().tag(sync=True)
        heads: Dict[str, str] = Dict().tag(sync=True)
        states: Dict[str, str] = Dict().tag(sync=True)
        settled: Dict[str, str] = Dict().tag(sync=True)
        lengths: Dict[str, int] = Dict().tag(sync=True)
        tails: Dict[str, str] = Dict().tag(sync=True)
        stages: Dict[str, Any] = Dict().tag(sync=True)

    return Cell
