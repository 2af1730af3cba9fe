"""What several answers agree on, span by span: sentences, list items, code blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from routebook.notebook.panels.difference import likeness

_FENCED: Final = re.compile(r"(^ {0,3}(?:```|~~~).*?^ {0,3}(?:```|~~~)[ \t]*$)", re.MULTILINE | re.DOTALL)
_SENTENCE: Final = re.compile(r"(?<=[.!?。！？])\s+(?=[^\s])|\n+")  # noqa: RUF001  the full stops of Chinese and Japanese
_WORD: Final = re.compile(r"[^\W\d_]{2,}|[㐀-鿿぀-ヿ]")
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_NOT: Final = frozenset(("not", "no", "never", "none", "nothing", "cannot", "without", "neither", "isn", "don", "doesn", "won", "can't"))
_EMPTY: Final = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "to",
        "in",
        "on",
        "at",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "it",
        "its",
        "this",
        "that",
        "these",
        "those",
        "and",
        "or",
        "but",
        "as",
        "for",
        "with",
        "by",
        "from",
        "you",
        "your",
        "we",
        "our",
        "they",
        "their",
        "he",
        "she",
        "his",
        "her",
        "will",
        "would",
        "can",
        "could",
        "should",
        "may",
        "might",
        "do",
        "does",
        "did",
        "has",
        "have",
        "had",
        "so",
        "if",
        "then",
        "than",
        "there",
        "here",
        "which",
        "who",
        "what",
        "when",
        "where",
        "how",
        "also",
        "just",
        "very",
    ]
)
_MAY_MISS: Final = 0.3
"""Share of a span's words that another sentence may lack and still say the same; of three words it may lack none."""
_SAME_CODE: Final = 0.8
_LEAST_WORDS: Final = 2
"""A span with fewer words, such as a heading's, says nothing to agree on."""


class Agreed(NamedTuple):
    """One span and who says it."""

    text: str
    by: tuple[str, ...]
    """The panes whose answers say so."""


def spans(text: str) -> list[str]:
    """A text as sentences, list items and code blocks; what says nothing by itself is left out."""
    found: list[str] = []
    for part in _FENCED.split(text):
        if _FENCED.fullmatch(part):
            found.append(part)
        else:
            found += [span.strip() for span in _SENTENCE.split(part) if _says_something(span)]
    return found


def agreement(text: str, answers: Mapping[str, str]) -> list[Agreed]:
    """Each span of a text with the answers that say it too."""
    others = {pane: spans(answer) for pane, answer in answers.items()}
    return [Agreed(span, tuple(pane for pane, said in others.items() if _is_said(span, said))) for span in spans(text)]


def unsaid(text: str, answers: Mapping[str, str]) -> list[Agreed]:
    """What answers say that a text does not; what several say comes once, the most agreed first."""
    own = spans(text)
    found: list[Agreed] = []
    for answer in answers.values():
        for span in spans(answer):
            if not _is_said(span, own) and not _is_said(span, [other.text for other in found]):
                found.append(Agreed(span, tuple(pane for pane, other in answers.items() if _is_said(span, spans(other)))))
    return sorted(found, key=lambda agreed: -len(agreed.by))


def most_agreed(answers: Mapping[str, str]) -> str:
    """The pane whose answer the others say the most of; of equals the first. It needs at least one answer."""

    def support(pane: str) -> tuple[float, float]:
        others = {other: text for other, text in answers.items() if other != pane}
        said = agreement(answers[pane], others)
        return sum(len(span.by) for span in said) / max(1, len(said)), likeness_to(answers[pane], list(others.values()))

    return max(answers, key=support)


def likeness_to(text: str, others: Sequence[str]) -> float:
    """The mean likeness of a text to others, 0 to 1."""
    return sum(likeness(text, other) for other in others) / max(1, len(others))


def _is_said(span: str, others: Sequence[str]) -> bool:
    """Whether one of the other spans says the same: most of its words, the same numbers, the same denial."""
    if _FENCED.fullmatch(span):
        return any(_FENCED.fullmatch(other) and likeness(span, other) >= _SAME_CODE for other in others)
    own = _content(span)
    for other in map(_content, others):
        missing = len(own.words - other.words)
        if (
            missing <= int(_MAY_MISS * len(own.words))
            and own.numbers <= other.numbers
            and own.names <= other.words
            and own.denies == other.denies
        ):
            return True
    return False


class _Content(NamedTuple):
    """What a span says something by."""

    words: frozenset[str]
    names: frozenset[str]
    """Words with a capital inside the sentence: of these one other is another statement."""
    numbers: frozenset[str]
    denies: bool


@lru_cache(maxsize=4096)  # each span is compared with all others
def _content(span: str) -> _Content:
    heard = _WORD.findall(span)
    words = {word.lower() for word in heard}
    names = {word.lower() for word in heard[1:] if word[0].isupper()} - _EMPTY - _NOT
    return _Content(frozenset(words - _EMPTY - _NOT), frozenset(names), frozenset(_NUMBER.findall(span)), bool(words & _NOT))


def _says_something(span: str) -> bool:
    content = _content(span)
    return len(content.words) + len(content.numbers) >= _LEAST_WORDS or bool(content.numbers)
