"""A cell in a terminal: lines and text as they come, because every display update there would print another object."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from routebook.errors import RoutebookError
from routebook.messages import Answer
from routebook.notebook import wording
from routebook.notebook.gather import News
from routebook.notebook.stages import Stage
from routebook.notebook.visible import visible

if TYPE_CHECKING:
    from routebook.notebook.widget import LastPage


class TerminalView:
    """Writes to standard output."""

    def __init__(self) -> None:
        """Nothing is written yet."""
        self._is_in_line = self._has_text = False
        self._head = self._state = ""
        self._steps = 0

    def open(self, *, cancel: Callable[[], None]) -> None:
        """Ctrl-C cancels; there is nothing to show."""

    def show(self, *, head: str | None, state: str | None, delta: str, void: str | None) -> None:
        """Write the headline, the state in brackets when it changed, and the text."""
        if head is not None and head != self._head:
            self._head = head
            self._line(f"[{head}]")
        if void is not None and self._has_text:
            self._line(f"[what came is void: {void}]")
            self._has_text = False
        if state and state != self._state and not state.endswith("answering"):
            self._line(f"[{state}]")
            self._state = state
        if delta:
            self._text(delta)
            self._has_text = True

    def steps(self, stages: Sequence[Stage]) -> None:
        """Write each step that has ended, once: what it took, and its text."""
        ended = [stage for stage in stages if stage.is_done]
        for stage in ended[self._steps :]:
            self._line(f"── {stage.title}\n{stage.text.strip()}\n")
        self._steps = len(ended)

    def close(self, answer: Answer | None) -> None:
        """Write the footline."""
        if answer is None:
            self._line("")
            return
        self._line(f"[{wording.footline(answer)}]")
        for note in answer.notes:
            self._line(f"! {note}")

    def _text(self, delta: str) -> None:
        sys.stdout.write(visible(delta))
        sys.stdout.flush()
        self._is_in_line = not delta.endswith("\n")

    def _line(self, text: str) -> None:
        start = "\n" if self._is_in_line else ""
        sys.stdout.write(f"{start}{visible(text)}\n" if text else start)
        sys.stdout.flush()
        self._is_in_line = False


class TerminalPanes:
    """Writes several answers, each whole: pieces of all of them in turn could not be read."""

    def __init__(self, *, last_page: LastPage) -> None:
        """`last_page` makes the final text."""
        self._last_page = last_page
        self._states: dict[str, str] = {}

    def open(self, *, cancel: Callable[[str], None]) -> None:
        """Ctrl-C cancels; there is nothing to show."""

    def show(self, news: Mapping[str, News]) -> None:
        """Write each state once."""
        for pane, piece in news.items():
            if piece.state and piece.state != self._states.get(pane):
                self._states[pane] = piece.state
                sys.stdout.write(f"[{pane}: {piece.state}]\n")
        sys.stdout.flush()

    def close(self, answers: Mapping[str, Answer], failures: Mapping[str, RoutebookError]) -> None:
        """Write all answers."""
        if answers or failures:
            sys.stdout.write(f"{visible(self._last_page(answers, failures)['text/plain'])}\n")
            sys.stdout.flush()
