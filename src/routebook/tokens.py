"""The most tokens a text can take, whatever the tokenizer: what money and quota are reserved by.

A tokenizer makes at most one token of a byte, and all that were looked at make one of each of some 6,000 words with a space before it
(`common_words.txt`; `tests/token_counts.json` has what they counted). So a byte counts as a token, but for those words: under twice what English
takes, two or three times what other scripts take, and never too few.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import Final

_WORD: Final = re.compile(r"(?:(?<!\s) |(?<![A-Za-z\x80-\U0010ffff]))[A-Za-z][a-z]+(?![A-Za-z\x80-\U0010ffff])")
"""A word between signs that cannot melt into it, with the one space before it where there is one."""
_PIECES: Final = 2
"""Most tokens of a common word that begins a line, follows a bracket or has a capital."""
_MARKS: Final = 8
"""Marks at both ends, and the space that some tokenizers put in front."""


def most_tokens(text: str) -> int:
    """Return a number of tokens that no known tokenizer exceeds on this text."""
    common = _common_words()
    saved = 0
    for found, times in Counter(_WORD.findall(text)).items():
        word = found.removeprefix(" ")
        if word.lower() in common:
            saved += times * (len(found) - (1 if found[0] == " " and word in common else _PIECES))
    return _bytes(text) - saved + _MARKS


def _bytes(text: str) -> int:
    """Bytes of the text as UTF-8, in the longest of the forms that tokenizers bring it to first."""
    if text.isascii():
        return len(text)
    forms = (text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFKC", text))
    return max(len(form.encode("utf-8", "replace")) for form in forms)


@cache
def _common_words() -> frozenset[str]:
    return frozenset(files("routebook").joinpath("common_words.txt").read_text(encoding="ascii").split())
