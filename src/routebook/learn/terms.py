"""What a prompt is about, as numbers: its words, pairs of words and pieces of words; and its shape, as signs with names.

These are for learning from a few thousand prompts of one user, where what a prompt is about matters and how it is put matters less.
They are kept apart from what the shipped weights read (`classifier/features.py`), so that a saved fit outlives new weights.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from itertools import chain, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from routebook.classifier.features import Features, features
from routebook.classifier.structure import HEAD, TAIL

_WORD: Final = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")
_MOST_WORDS: Final = 500
_LONGEST: Final = 40
_PIECES: Final = (3, 4, 5)


def terms(prompt: str) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
    """Return the terms of a prompt by their hashes (CRC-32, in order), and 1 + log of how often each occurs; bounded work, whatever the length."""
    text = prompt if len(prompt) <= HEAD + TAIL else f"{prompt[:HEAD]}\n{prompt[-TAIL:]}"
    words = ["#" if word[0].isdigit() else word[:_LONGEST] for word in _WORD.findall(text.lower())[:_MOST_WORDS]]
    said = [*chain.from_iterable(map(_of_word, words)), *(_hashed(f"b:{first} {second}") for first, second in pairwise(words))]
    found, count = np.unique(np.array(said, np.uint32), return_counts=True)
    return found, 1 + np.log(count)


def signs(prompt: str, *, found: Features | None = None) -> set[str]:
    """Return the names of a prompt's figures, kinds of lines and kinds of words; `found` are its features where they are known already."""
    names = features(prompt) if found is None else found
    return {name for name in names if name.startswith("n:") or (name.startswith(("s:", "g:")) and " " not in name)}


@lru_cache(maxsize=20_000)
def _of_word(word: str) -> tuple[int, ...]:
    """A word, and its pieces with its ends marked."""
    found = [_hashed("w:" + word)]
    if word.isalpha():
        marked = f"<{word}>"
        found += [_hashed("c:" + marked[i : i + n]) for n in _PIECES for i in range(len(marked) - n + 1)]
    return tuple(found)


def _hashed(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "surrogatepass"))
