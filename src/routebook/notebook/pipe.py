"""A request in a shell: the answer on standard output, so that it can be piped on; what there is to say about it on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from routebook.messages import Answer
from routebook.notebook import wording
from routebook.notebook.stages import Stage
from routebook.notebook.visible import visible


class PipeView:
    """Writes the answer as it comes. Where a broken stream made it begin again, standard error says so: what is written stays written."""

    def __init__(self, *, is_quiet: bool, is_whole: bool) -> None:
        """`is_quiet` says nothing about the answer; `is_whole` writes it once it is complete."""
        self._is_quiet, self._is_whole = is_quiet, is_whole
        self._said = ""
        self._steps = 0
        self._has_text = False
        self._is_in_line = False

    def open(self, *, cancel: Callable[[], None]) -> None:
        """Ctrl-C cancels; there is nothing to show."""

    def show(self, *, head: str | None, state: str | None, delta: str, void: str | None) -> None:
        """Write what is new; where a person looks on, also the states."""
        if void is not None and self._has_text and not self._is_whole:
            self._say(f"what came is void: {void}")
        if head is not None:
            self._say(head)
        if state and not state.endswith("answering") and sys.stderr.isatty():
            self._say(str(state))
        if delta and not self._is_whole:
            self._write(delta)

    def steps(self, stages: Sequence[Stage]) -> None:
        """Say of each step that has ended what it took; its text is no answer."""
        ended = [stage for stage in stages if stage.is_done]
        for stage in ended[self._steps :]:
            self._say(stage.title)
        self._steps = len(ended)

    def close(self, answer: Answer | None) -> None:
        """End the text with a line break, and say what it took."""
        if answer is not None and self._is_whole:
            self._write(answer.text)
        if self._is_in_line:
            self._write("\n")
        if answer is not None:
            self._say(wording.footline(answer))
            for note in answer.notes:
                self._say(f"! {note}")

    def _write(self, text: str) -> None:
        sys.stdout.write(visible(text) if sys.stdout.isatty() else text)  # what is piped on goes as it came
        sys.stdout.flush()
        if text:
            self._has_text, self._is_in_line = True, not text.endswith("\n")

    def _say(self, text: str) -> None:
        """Write to standard error, once, on a line of its own."""
        if self._is_quiet or text == self._said:
            return
        self._said = text
        if self._is_in_line:
            self._write("\n")
        print(f"[{text}]", file=sys.stderr, flush=True)  # noqa: T201  standard error is where a command talks
