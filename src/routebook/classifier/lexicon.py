"""Words that mean the same to a router, in many languages: a word becomes the kinds it belongs to."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

_LEAST_LETTERS: Final = 4
"""A shorter word with its letters in another order is another word, not a slip of the fingers."""
_ENDINGS: Final = (("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"), ("es", ""), ("s", ""))


@cache
def _table() -> dict[str, tuple[str, ...]]:
    """Every listed word and its kinds; read once, about a millisecond."""
    table: dict[str, tuple[str, ...]] = {}
    text = files("routebook.classifier").joinpath("lexicon.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        kind, mark, words = line.partition(": ")
        if mark and not line.startswith("#"):
            for word in words.split():
                table[word] = (*table.get(word, ()), kind)
    return table


@cache
def _letters() -> dict[str, tuple[str, ...]]:
    """The same table by a word's first letter and the letters after it, in order of the alphabet, doubled ones once."""
    return {_signature(word): kinds for word, kinds in _table().items() if len(word) >= _LEAST_LETTERS}


def _signature(word: str) -> str:
    return word[0] + "".join(sorted(set(word[1:])))


@lru_cache(maxsize=20_000)
def kinds_of(word: str) -> tuple[str, ...]:
    """Return the kinds of a lower-case word, its English endings taken off or its letters put in order where that finds one."""
    table = _table()
    if word in table:
        return table[word]
    for ending, instead in _ENDINGS:
        if len(word) > len(ending) + 2 and word.endswith(ending):
            kinds = table.get(word[: -len(ending)] + instead)
            if kinds:
                return kinds
    return _letters().get(_signature(word), ()) if len(word) >= _LEAST_LETTERS else ()


def is_wide(letter: str) -> bool:
    """Whether a letter is of a script that writes words without spaces: Thai, Japanese, Chinese, Korean."""
    return letter >= "\u0e00" and (
        letter <= "\u0e7f" or "\u3040" <= letter <= "\u30ff" or "\u3400" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7af"
    )
