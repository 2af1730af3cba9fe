"""A cell in a terminal that draws: what has settled of the answer as rendered Markdown, its end as it is written. Needs rich.

What has settled is printed and stays, so it scrolls as any text does; only the last block is drawn anew while it grows.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Any

from routebook.notebook.blocks import Blocks
from routebook.notebook.terminal import TerminalView
from routebook.notebook.visible import visible


def can_draw() -> bool:
    """Whether rich is installed, and a terminal is there that it can draw on."""
    return (
        sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" and "NO_COLOR" not in os.environ and find_spec("rich") is not None
    )


class RichView(TerminalView):
    """Writes to standard output."""

    def __init__(self) -> None:
        """Nothing is written yet."""
        super().__init__()
        from rich.console import Console

        self._console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
        self._blocks = Blocks()
        self._live: Any = None
        """Draws the last block while it grows."""

    def _text(self, delta: str) -> None:
        settled = self._blocks.add(visible(delta))
        if settled:
            self._print(settled)
        if self._blocks.tail:
            self._draw(self._blocks.tail)

    def _line(self, text: str) -> None:
        from rich.text import Text

        tail, self._blocks = self._blocks.tail, Blocks()
        self._print(tail)
        if text:
            self._console.print(Text(visible(text), style="dim"))

    def _print(self, markdown: str) -> None:
        """Print what does not change any more."""
        from rich.markdown import Markdown

        live, self._live = self._live, None
        if live is not None:
            live.stop()
        if markdown.strip():
            self._console.print(Markdown(markdown, hyperlinks=False))
            self._console.print()

    def _draw(self, tail: str) -> None:
        from rich.live import Live
        from rich.text import Text

        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(Text(tail), refresh=True)
