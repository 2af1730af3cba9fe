"""A growing Markdown text, parted into blocks that no later word changes and the tail that still grows.

What has settled is rendered once; only the tail is shown as it was written. So a long answer costs no more a word than a short one.
"""

from __future__ import annotations

import re
from typing import Final

_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")


class Blocks:
    """The tail of one answer."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.tail = ""

    def add(self, text: str) -> str:
        """Take more text in; return what has settled by it, often nothing."""
        self.tail += text
        if "\n" not in text and "\n\n" not in self.tail:
            return ""
        end = _settled(self.tail)
        settled, self.tail = self.tail[:end], self.tail[end:]
        return settled


def _settled(text: str) -> int:
    """Where the last block begins that may still change: behind a blank line, outside of fences, at a line that is not indented."""
    end = at = 0
    fence = ""
    was_blank = False
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if was_blank and not fence and line[0] not in " \t\r\n":
            end = at
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip() and line.strip() == mark[1][0] * len(line.strip()) and mark[1].startswith(fence):
            fence = ""
        was_blank = not line.strip()
        at += len(line)
    return end
