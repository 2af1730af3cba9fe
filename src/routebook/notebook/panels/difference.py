"""What two answers share and where they differ, word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

_WORD: Final = re.compile(r"\s+|\w+|[^\w\s]")
MOST_WORDS: Final = 4000
"""Of each text, with its spaces."""
FEW_WORDS: Final = 300
"""Of so many each may begin a match; of more, matching takes time that grows with the product of how often a word comes in both."""


class Span(NamedTuple):
    """A stretch of words."""

    kind: Literal["both", "left", "right"]
    text: str


def words(text: str) -> list[str]:
    """A text as words, marks and spaces."""
    return _WORD.findall(text)


def difference(left: str, right: str) -> list[Span]:
    """The spans of both texts in order; those of one side only are marked so. Whitespace alone makes no difference."""
    ours, theirs = _spaced(left), _spaced(right)
    spans: list[Span] = []
    for tag, a, b, c, d in _matched([word for word, _ in ours], [word for word, _ in theirs]):
        if tag == "equal":
            space = "" if ours[b - 1][1] else theirs[d - 1][1]
            spans.append(Span("both", "".join(map("".join, ours[a:b])) + space))
        else:
            spans += _apart("".join(map("".join, ours[a:b])), "".join(map("".join, theirs[c:d])))
    return spans


def _matched(ours: list[str], theirs: list[str]) -> Sequence[tuple[str, int, int, int, int]]:
    """What of two lists is equal, and what is not; in long ones a word that comes all the time is no place to begin a match at."""
    return difflib.SequenceMatcher(None, ours, theirs, autojunk=max(len(ours), len(theirs)) > FEW_WORDS).get_opcodes()


def _apart(left: str, right: str) -> list[Span]:
    """What is on one side only; the space behind it belongs to both."""
    space = left[len(left.rstrip()) :] if left and right else ""
    ends = space and right != right.rstrip()
    found = [
        Span("left", left.rstrip() if ends else left),
        Span("right", right.rstrip() if ends else right),
        Span("both", space if ends else ""),
    ]
    return [span for span in found if span.text]


def _spaced(text: str) -> list[tuple[str, str]]:
    """The words of a text, each with the space behind it; space before the first is left out."""
    found: list[tuple[str, str]] = []
    for word in words(text)[:MOST_WORDS]:
        if not word.isspace():
            found.append((word, ""))
        elif found:
            found[-1] = (found[-1][0], word)
    return found


def likeness(left: str, right: str) -> float:
    """The share of words, from 0 to 1, that two texts have in common and in the same order."""
    spans = difference(left, right)
    both = sum(len(words(span.text)) for span in spans if span.kind == "both")
    return 2 * both / max(1, len(words(left)[:MOST_WORDS]) + len(words(right)[:MOST_WORDS]))
