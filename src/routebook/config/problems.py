"""The mistakes of a file, gathered so that all are told at once, in the order of the file."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from routebook.config.keylike import masked
from routebook.config.lines import KeyPath, line_of, positions
from routebook.config.wording import dotted
from routebook.errors import Problem

_NO_LINE: Final = 10**9


class Problems:
    """What was found so far. One path has one problem: what follows from a mistake is not told beside it."""

    def __init__(self, text: str) -> None:
        """`text` is the file's own, for the lines."""
        self._text = text
        self._found: dict[KeyPath, Problem] = {}

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        return positions(self._text)  # only for a file with a problem

    def add(self, path: KeyPath, what: str, *, hint: str = "") -> None:
        """Note a mistake, unless the path, or a table around it, has one already. What looks like a key is hidden, wherever it came from."""
        if not self.is_told(path):
            self._found[path] = Problem(dotted(path), masked(what), hint=masked(hint), line=self.line(path))

    def is_told(self, path: KeyPath) -> bool:
        """True when the path or a table around it has a problem."""
        return any(path[:end] in self._found for end in range(len(path) + 1))

    def is_clean(self, path: KeyPath) -> bool:
        """True when neither the path, nor what is around it, nor what is in it has a problem."""
        return not self.is_told(path) and not any(found[: len(path)] == path for found in self._found)

    def line(self, path: KeyPath) -> int | None:
        """The line of a path, or of the table around it."""
        return line_of(path, lines=self._lines)

    def in_order(self) -> list[Problem]:
        """All problems, by line."""
        return sorted(self._found.values(), key=lambda problem: problem.line or _NO_LINE)
