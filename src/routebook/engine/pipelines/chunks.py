"""A long text in pieces that a model handles well, parted where it parts by itself: at blank lines, else at lines, sentences, words."""

from __future__ import annotations

import re
from typing import Final

from routebook.text import estimate_tokens

_SEAMS: Final = tuple(map(re.compile, (r"\n[ \t]*\n\s*", r"\n", r"(?<=[.!?])\s+", r"\s+")))
"""Where a text may be cut, the best places first."""
_LEAST: Final = estimate_tokens("")
"""What the estimate of any text begins with."""
_ENDS: Final = 200
"""Tokens of the beginning and of the end of a long prompt, where one usually says what is wanted."""


def chunks(text: str, *, tokens: int) -> list[str]:
    """Return the text in pieces of at most so many estimated tokens; joined they are the text, to the last sign."""
    pieces: list[list[str]] = [[]]
    size = _LEAST
    for part in _parts(text, tokens, seam=0):
        own = estimate_tokens(part) - _LEAST + 1  # rounded up: the estimate of many together is never above the sum of theirs
        if pieces[-1] and size + own > tokens:
            pieces.append([])
            size = _LEAST
        pieces[-1].append(part)
        size += own
    return ["".join(parts) for parts in pieces if parts]


def question_of(prompt: str) -> str:
    """The prompt with the middle of a long one left out."""
    if estimate_tokens(prompt) <= 3 * _ENDS:
        return prompt
    first, last = chunks(prompt[: 8 * _ENDS], tokens=_ENDS)[0], chunks(prompt[-8 * _ENDS :], tokens=_ENDS)[-1]
    return f"{first.rstrip()}\n\n[…]\n\n{last.lstrip()}"


def _parts(text: str, tokens: int, *, seam: int) -> list[str]:
    """The text in pieces that are each short enough, as large as the seams allow."""
    if estimate_tokens(text) <= tokens:
        return [text]
    if seam == len(_SEAMS):
        return _cut(text, tokens)
    ends = [match.end() for match in _SEAMS[seam].finditer(text)]
    pieces = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True) if end > start]
    return [part for piece in pieces for part in _parts(piece, tokens, seam=seam + 1)]


def _cut(text: str, tokens: int) -> list[str]:
    """A word longer than a chunk, cut in halves until they are short enough."""
    if len(text) <= 1 or estimate_tokens(text) <= tokens:
        return [text]
    middle = len(text) // 2
    return [*_cut(text[:middle], tokens), *_cut(text[middle:], tokens)]
