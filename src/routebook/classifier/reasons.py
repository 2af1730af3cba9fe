"""Why a task was chosen, in words a person can read: the features that gave most to it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from routebook.classifier.model import Scores

_MOST: Final = 4
_LEAST_PART: Final = 0.02
_LOOKED_AT: Final = 16
_LINES: Final = {
    "fence": "fenced code", "code": "code", "trace": "an error trace", "log": "log lines", "diff": "a diff", "table": "a table",
    "markup": "JSON or markup", "config": "settings", "latex": "LaTeX", "quote": "quoted lines", "option": "answer options", "bullet": "a list",
}  # fmt: skip


_SMALL: Final = frozenset((
    "a", "an", "the", "of", "to", "in", "on", "at", "by", "for", "from", "with", "as", "and", "or", "but", "if", "so", "it",
    "its", "is", "are", "was", "were", "be", "been", "do", "does", "did", "i", "me", "my", "you", "your", "we", "our", "this",
    "that", "these", "those", "there", "here", "not", "no", "can", "could", "will", "would", "should", "may", "might", "must",
    "has", "have", "had", "one", "some", "any", "all",
))  # fmt: skip
"""Words that tell a person nothing, however much they weigh among the others."""


def reasons_for(scores: Scores, *, head: int) -> tuple[str, ...]:
    """Return the words and signs that weighed most for a head, the heaviest first; never empty."""
    parts = scores.pull(head)
    said: dict[str, str] = {}
    """Each without its marks, and with them."""
    heaviest = parts.argsort()[: -_LOOKED_AT - 1 : -1]
    for at, part in zip(heaviest.tolist(), parts[heaviest].tolist(), strict=True):
        if part < _LEAST_PART or len(said) == _MOST:
            break
        words = _readable(scores.names[at])
        if words:
            bare = words.strip("“”")
            if not said or not any(bare in shown or other in words for other, shown in said.items()):
                said[bare] = words
    return tuple(said.values()) or ("no word or sign of a task weighed much",)


@lru_cache(maxsize=8192)
def _readable(name: str) -> str:
    """A feature's name as a person would say it; empty for one that says nothing to a person."""
    space, _, text = name.partition(":")
    if space in ("w", "b", "first", "last"):
        return f"“{text}”" if _tells(text.split()) else ""
    if space == "s":
        many, _, kind = text.rpartition(" ")
        return _LINES.get(kind, "") if many in ("", "many") else ""
    return ""


def _tells(words: list[str]) -> bool:
    """Whether words, none of them a mark, have one that says something."""
    return all(word[0].isalnum() for word in words) and any(word not in _SMALL for word in words)
