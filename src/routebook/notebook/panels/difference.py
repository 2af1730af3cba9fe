"""What two answers share and where they differ, word by word."""

from __future__ import annotations

import difflib
import re
from typing import Final, Literal, NamedTuple

_WORD: Final = re.compile(r"\s+|\w+|[^\w\s]")
MOST_WORDS: Final = 4000
"""Of each text; matching takes time that grows with their product."""


class Span(NamedTuple):
    """A stretch of words."""

    kind: Literal["both", "left", "right"]
    text: str


def words(text: str) -> list[str]:
    """A text as words, marks and spaces."""
    return _WORD.findall(text)


def difference(left: str, right: str) -> list[Span]:
    """The spans of both texts in order; those of one side only are marked so. Whitespace alone makes no difference."""
    ours, theirs = words(left)[:MOST_WORDS], words(right)[:MOST_WORDS]
    matcher = difflib.SequenceMatcher(None, [_plain(word) for word in ours], [_plain(word) for word in theirs], autojunk=False)
    spans: list[Span] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        left_text, right_text = "".join(ours[a:b]), "".join(theirs[c:d])
        found = [Span("both", left_text)] if tag == "equal" else [Span("left", left_text), Span("right", right_text)]
        spans += [span for span in found if span.text]
    return spans


def likeness(left: str, right: str) -> float:
    """The share of words, from 0 to 1, that two texts have in common and in the same order."""
    spans = difference(left, right)
    both = sum(len(words(span.text)) for span in spans if span.kind == "both")
    return 2 * both / max(1, len(words(left)[:MOST_WORDS]) + len(words(right)[:MOST_WORDS]))


def _plain(word: str) -> str:
    return " " if word.isspace() else word
