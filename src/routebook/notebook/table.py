"""A table for people, in two forms: HTML for the notebook, aligned text for the terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from routebook.notebook.inert import inert
from routebook.notebook.page import template

SHORT: Final = 24
"""Characters of a text that is not broken into lines."""


@dataclass(frozen=True, slots=True)
class Table:
    """Texts in rows. A title that begins with `>` marks a column of figures: it is right-aligned."""

    titles: Sequence[str]
    rows: Sequence[Sequence[str]]
    faint: Collection[int] = ()
    """Rows that matter less, by their place from 0."""
    strong: Collection[int] = ()
    """Rows that matter more: totals, problems."""

    @property
    def heads(self) -> list[str]:
        """The titles without their marks."""
        return [title.removeprefix(">") for title in self.titles]

    @property
    def is_figure(self) -> list[bool]:
        """Which columns are right-aligned."""
        return [title.startswith(">") for title in self.titles]

    @property
    def has_head(self) -> bool:
        """Whether any column has a title."""
        return any(self.heads)

    @property
    def html(self) -> str:
        """As a plain `<table>` with inline styles."""
        cells = "".join(_cell("th", text, figure) for text, figure in zip(self.heads, self.is_figure, strict=True))
        head = template("head").substitute(cells=cells) if self.has_head else ""
        rows = "".join(self._row(place, row) for place, row in enumerate(self.rows))
        return template("table").substitute(head=head, rows=rows)

    @property
    def text(self) -> str:
        """As aligned lines."""
        lines = [self.heads, *([_one_line(text) for text in row] for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.titles))]
        return "\n".join(self._aligned(line, widths) for line in (lines if self.has_head else lines[1:]))

    @property
    def markdown(self) -> str:
        """As a table of Markdown."""
        rows = [
            self.heads,
            ["--:" if figure else ":--" for figure in self.is_figure],
            *([_one_line(text) for text in row] for row in self.rows),
        ]
        return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)

    def _row(self, place: int, row: Sequence[str]) -> str:
        cells = "".join(_cell("td", text, figure) for text, figure in zip(row, self.is_figure, strict=True))
        style = ' style="opacity:0.55"' if place in self.faint else ' style="font-weight:600"' if place in self.strong else ""
        return template("row").substitute(style=style, cells=cells)

    def _aligned(self, line: Sequence[str], widths: Sequence[int]) -> str:
        columns = zip(line, widths, self.is_figure, strict=True)
        return "  ".join(text.rjust(width) if figure else text.ljust(width) for text, width, figure in columns).rstrip()


def _cell(tag: str, text: str, is_figure: bool) -> str:  # noqa: FBT001  one of two, and private
    align = "text-align:right" if is_figure else "text-align:left"
    wrap = ";white-space:nowrap" if is_figure or len(text) <= SHORT else ""
    return template("cell").substitute(tag=tag, style=align + wrap, text=inert(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())
