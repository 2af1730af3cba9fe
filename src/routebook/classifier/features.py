"""A prompt becomes features: named signs with weights, and the sparse vector that models are trained on.

The part that asks weighs most: the first and the last sentences. What is pasted counts by its kind and its first words.
A name is `space:text`; names are hashed into `N_BUCKETS` by CRC-32, which is the same everywhere and for ever. Figures (`n:`) have places of
their own behind the buckets, and are not shortened with the rest.
"""

from __future__ import annotations

import re
import zlib
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final

from routebook.classifier.figures import FIGURES, WEIGHT, figures
from routebook.classifier.lexicon import is_wide, kinds_of
from routebook.classifier.structure import CODE, PASTED, Line, read_lines

N_BUCKETS: Final = 1 << 18
N_PLACES: Final = N_BUCKETS + len(FIGURES)
"""Length of the vector of a prompt."""
_MASK: Final = N_BUCKETS - 1
_PLACE: Final = {name: N_BUCKETS + i for i, name in enumerate(FIGURES)}
_WORD: Final = re.compile("[^\\W\\d_]+(?:['\u2019][^\\W\\d_]+)?|\\d+(?:[.,]\\d+)*|[^\\w\\s]")
_PLAIN_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+(?:[.,][0-9]+)*|[^\w\s]", re.ASCII)
"""The same for lower-case ASCII, in half the time."""
_STOP: Final = re.compile("[.!?;:\u3002\uff01\uff1f](?:(?<=[\u3002\uff01\uff1f])|\\s)")
_DIGITS: Final = frozenset("0123456789")
_DIGIT: Final = re.compile("[0-9]")
_POLITENESS: Final = (
    "please pls plz kindly can could would will you i we want need like to me us help hi hello hey dear chatgpt gpt ai assistant bot now so ok okay "
    "just also the a an your my task is are be for d ll m let lets some bitte por favor und"
)
_POLITE: Final = frozenset(_POLITENESS.split())
"""Words that may stand before the verb of a wish and say nothing of it."""
_BEGINNING: Final = 12
_NEAR: Final = 0.5
"""Weight below which a sentence is the middle of a long text: material."""
_MOST_WEIGHT: Final = 2.0
_SIGNATURE: Final = re.compile(
    r"\s*(?:export |async |pub(?:lic)? |static )*(?:def|function|fn|func|fun|int|void|bool|string|let|const)\b[^\n]*[:{]$"
)
_MOST_STUB: Final = 1600
_STEM: Final = 5
"""Letters that most forms of a word share."""
_NEAR_START: Final = 240
_NEAR_END: Final = 160
_MOST_WORDS: Final = 60
_MOST_LETTERS: Final = 40
_MOST_MIDDLE: Final = 20
_MOST_SENTENCES: Final = 24

_MOST_KINDS: Final = 24
_NEAR_KINDS: Final = 6

Features = dict[str, float]


def features(prompt: str) -> Features:
    """Return the named signs of a prompt and their weights: bounded work, whatever the length."""
    lines = read_lines(prompt)
    found: Features = {}
    sentences = _sentences(lines)
    _add_words(found, sentences)
    _add_kinds(found, sentences, lines)
    _add_pasted(found, lines)
    _add_shape(found, prompt, lines)
    found.update(
        dict.fromkeys(
            figures(prompt, lines, [word for sentence in sentences for word in sentence.words], n_sentences=len(sentences)), WEIGHT
        )
    )
    return found


def buckets(found: Features) -> tuple[list[int], list[float]]:
    """Return the places of all names, below `N_PLACES`, and their weights, in the order of the names."""
    names = list(found)
    n_named = count_named(names)
    return [*map(_MASK.__and__, hashes(names[:n_named])), *places(names[n_named:])], list(found.values())


def count_named(names: list[str]) -> int:
    """How many names of a prompt stand before its figures, which are last."""
    return bisect_left(names, 1, key=_is_figure)


def hashes(names: list[str]) -> Iterator[int]:
    """The CRC-32 of each name; its lower bits are its bucket."""
    return map(zlib.crc32, "\n".join(names).encode("utf-8", "surrogatepass").split(b"\n") if names else ())  # no name has a line break


def places(names: list[str]) -> Iterator[int]:
    """The place of each figure."""
    return map(_PLACE.__getitem__, names)


def _is_figure(name: str) -> bool:
    return name.startswith("n:")


class Sentence:
    """Words of one sentence, lower case, with the weight of its place."""

    __slots__ = ("place", "weight", "words")

    def __init__(self, words: list[str], *, weight: float, place: str) -> None:
        self.words, self.weight, self.place = words, weight, place


def _sentences(lines: list[Line]) -> list[Sentence]:
    """The sentences a person wrote, the first and the last at full weight, the middle of a long text lighter."""
    texts = [part for line in lines if line.kind not in PASTED and line.kind != "blank" for part in _cut(line.text) if part]
    if len(texts) > _MOST_SENTENCES:
        texts = texts[: _MOST_SENTENCES - 12] + texts[-12:]
    total, done = sum(map(len, texts)), 0
    found: list[Sentence] = []
    for text in texts:
        words = _words(text)
        to_end = total - done - len(text)
        weight = 1.0 if done < _NEAR_START else 0.8 if to_end < _NEAR_END else 0.5 if done < 3 * _NEAR_START else 0.2
        place = "first" if not found else "last" if to_end == 0 else "middle"
        if words:
            found.append(Sentence(words, weight=weight, place=place))
        done += len(text)
    return found


def _cut(text: str) -> list[str]:
    """Cut a line behind the marks that end a sentence."""
    parts: list[str] = []
    start = 0
    for stop in _STOP.finditer(text):
        parts.append(text[start : stop.start() + 1].strip())
        start = stop.start() + 1
    parts.append(text[start:].strip())
    return parts


def _words(text: str) -> list[str]:
    """Lower-case words and marks; digits become one word, wide scripts go in pairs of characters."""
    text = text[:1200].lower()
    if text.isascii():
        plain: list[str] = _PLAIN_WORD.findall(text)[:_MOST_WORDS]
        if not plain or (_DIGIT.search(text) is None and len(max(plain, key=len)) <= _MOST_LETTERS):
            return plain
        return ["#" if word[0] in _DIGITS else word if len(word) <= _MOST_LETTERS else word[:_MOST_LETTERS] for word in plain]
    found: list[str] = []
    for word in _WORD.findall(text.replace("\u2019", "'"))[:_MOST_WORDS]:
        if word[0].isdigit():
            found.append("#")
        elif len(word) > 1 and is_wide(word[0]):
            found.extend(word[i : i + 2] for i in range(min(len(word) - 1, _MOST_LETTERS)))
        else:
            found.append(word[:_MOST_LETTERS])
    return found


def _add_words(found: Features, sentences: list[Sentence]) -> None:
    """Words first, then pairs, stems, and how the first and the last sentence begin."""
    get = found.get
    near = [sentence for sentence in sentences if sentence.weight >= _NEAR]
    for sentence in sentences:
        weight = sentence.weight
        for name in map("w:".__add__, sentence.words if weight >= _NEAR else sentence.words[:_MOST_MIDDLE]):
            heavier = get(name, 0.0) + weight
            found[name] = heavier if heavier < _MOST_WEIGHT else _MOST_WEIGHT  # noqa: FURB136  a call of min() takes three times as long
    for sentence in near:
        weight = sentence.weight
        pairs = [f"b:{one} {other}" for one, other in pairwise(sentence.words)]
        fresh = dict.fromkeys(pairs, weight)
        if len(fresh) == len(pairs) and found.keys().isdisjoint(fresh):
            found.update(fresh)
        else:
            for name in pairs:
                found[name] = get(name, 0.0) + weight
        if sentence.place != "middle":
            _add_beginning(found, sentence)
        found.update(dict.fromkeys(["c:" + word[:_STEM] for word in sentence.words if len(word) > _STEM], 0.5))


def _add_beginning(found: Features, sentence: Sentence) -> None:
    """The first words of a sentence, as they stand, and without what is only politeness."""
    spoken = [word for word in sentence.words if word[0].isalnum()][:_BEGINNING]
    for n in range(1, min(3, len(spoken)) + 1):
        found[f"{sentence.place}:{' '.join(spoken[:n])}"] = 1.0
    bare = [word for word in spoken if word not in _POLITE][:2]
    if bare:
        found[f"v:{bare[0]}"] = found[f"v:{' '.join(bare)}"] = 1.0


def _add_kinds(found: Features, sentences: list[Sentence], lines: list[Line]) -> None:
    """Kinds of words, in order: WRITE … GENRE says the same of a sonnet and of an essay."""
    get = found.get
    beside = "gcode:" if any(line.kind in CODE for line in lines) else "gtext:"
    for sentence in sentences:
        weight = sentence.weight
        if weight < _NEAR:
            continue
        chain = list(filter(None, map(kinds_of, sentence.words)))[:_MOST_KINDS]
        for i, kinds in enumerate(chain):
            for kind in kinds:
                name = "g:" + kind
                heavier = get(name, 0.0) + weight
                found[name] = heavier if heavier < _MOST_WEIGHT else _MOST_WEIGHT  # noqa: FURB136  as above
                if i == 0 and sentence.place != "middle":
                    found[f"g{sentence.place}:{kind}"] = 1.5
                    found[beside + kind] = 1.0
            for later in chain[i + 1 : i + (4 if i < _NEAR_KINDS else 2)]:
                for name in _pairs(kinds, later):
                    found[name] = 1.0


@lru_cache(maxsize=8192)
def _pairs(kinds: tuple[str, ...], later: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"g:{kind} {other}" for kind in kinds for other in later)


def _add_pasted(found: Features, lines: list[Line]) -> None:
    """The first words of each pasted block, lightly: they tell the language, not the wish."""
    before = ""
    for line in lines:
        if line.kind in PASTED and line.kind != before:
            for word in _words(line.text[:200])[:12]:
                if word.isalpha():
                    found["p:" + word] = 0.4
        before = line.kind


def _add_shape(found: Features, prompt: str, lines: list[Line]) -> None:
    """Kinds of lines and their order, whether it asks, whether it is a function without a body."""
    counts: dict[str, int] = {}
    order: list[str] = []
    for line in lines:
        counts[line.kind] = counts.get(line.kind, 0) + 1
        if line.kind != "blank" and (not order or order[-1] != line.kind):
            order.append(line.kind)
    for kind, count in counts.items():
        found["s:" + kind] = 1.0
        if count > 3:  # noqa: PLR2004
            found[f"s:many {kind}"] = 1.0
    if order:
        found[f"s:starts {order[0]}"] = found[f"s:ends {order[-1]}"] = 1.0
    found[f"s:order {' '.join(order[:4])}"] = 1.0
    if _is_stub(prompt):
        found["g:STUB"] = 3.0
    found["s:asks" if "?" in prompt[-400:] or "\uff1f" in prompt[-400:] else "s:tells"] = 1.0


def _is_stub(prompt: str) -> bool:
    """A function that ends after its signature or its docstring: its body is what is wanted."""
    text = prompt[-_MOST_STUB:].rstrip()
    if text.endswith(('"""', "'''")):
        text = text[: max(0, text.rfind(text[-3:], 0, -3))].rstrip()
    return text.endswith((":", "{")) and _SIGNATURE.match(text[text.rfind("\n") + 1 :][:300]) is not None
