"""A prompt becomes features: named signs with weights, and the sparse vector that models are trained on.

The part that asks weighs most: the first and the last sentences. What is pasted counts by its kind and its first words.
A name is `space:text`; names are hashed into `N_BUCKETS` by CRC-32, which is the same everywhere and for ever. Figures (`n:`) have places of
their own behind the buckets, and are not shortened with the rest.
"""

from __future__ import annotations

import re
import zlib
from itertools import pairwise
from typing import Final

from routebook.classify.figures import FIGURES, WEIGHT, figures
from routebook.classify.lexicon import kinds_of
from routebook.classify.structure import CODE, PASTED, Line, read_lines

N_BUCKETS: Final = 1 << 18
N_PLACES: Final = N_BUCKETS + len(FIGURES)
"""Length of the vector of a prompt."""
_PLACE: Final = {"n:" + name: N_BUCKETS + i for i, name in enumerate(FIGURES)}
_WORD: Final = re.compile("[^\\W\\d_]+(?:['\u2019][^\\W\\d_]+)?|\\d+(?:[.,]\\d+)*|[^\\w\\s]")
_SENTENCE: Final = re.compile(r"(?<=[.!?;:])\s+|(?<=[\u3002\uff01\uff1f])")
_WIDE: Final = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SIGNATURE: Final = re.compile(
    r"\s*(?:export |async |pub(?:lic)? |static )*(?:def|function|fn|func|fun|int|void|bool|string|let|const)\b[^\n]*[:{]$"
)
_MOST_STUB: Final = 1600
_STEM: Final = 5
"""Letters that most forms of a word share."""
_NEAR_START: Final = 240
_NEAR_END: Final = 160
_MOST_WORDS: Final = 60
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
    for place in figures(prompt, lines, (sentence.words for sentence in sentences)):
        found["n:" + FIGURES[place]] = WEIGHT
    return found


def buckets(found: Features) -> tuple[list[int], list[float]]:
    """Return the places of all names, below `N_PLACES`, and their weights, in the order of the names."""
    crc32, mask = zlib.crc32, N_BUCKETS - 1
    return [_PLACE[name] if name in _PLACE else crc32(name.encode("utf-8", "surrogatepass")) & mask for name in found], list(found.values())


class Sentence:
    """Words of one sentence, lower case, with the weight of its place."""

    __slots__ = ("place", "weight", "words")

    def __init__(self, words: list[str], *, weight: float, place: str) -> None:
        self.words, self.weight, self.place = words, weight, place


def _sentences(lines: list[Line]) -> list[Sentence]:
    """The sentences a person wrote, the first and the last at full weight, the middle of a long text lighter."""
    texts = [part for line in lines if line.kind not in PASTED and line.kind != "blank" for part in _SENTENCE.split(line.text) if part]
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


def _words(text: str) -> list[str]:
    """Lower-case words and marks; digits become one word, wide scripts go in pairs of characters."""
    words = []
    for word in _WORD.findall(text[:1200].lower().replace("\u2019", "'"))[:_MOST_WORDS]:
        if word[0].isdigit():
            words.append("#")
        elif len(word) > 1 and _WIDE.match(word):
            words.extend(word[i : i + 2] for i in range(min(len(word) - 1, 40)))
        else:
            words.append(word[:40])
    return words


def _add_words(found: Features, sentences: list[Sentence]) -> None:
    """Words, pairs, stems, and how the first and the last sentence begin."""
    for sentence in sentences:
        words, weight = sentence.words, sentence.weight
        for word in words if weight >= 0.5 else words[:_MOST_MIDDLE]:  # noqa: PLR2004
            name = "w:" + word
            found[name] = min(2.0, found.get(name, 0.0) + weight)
        if weight < 0.5:  # noqa: PLR2004  the middle of a long text is material
            continue
        for first, second in pairwise(words):
            name = f"b:{first} {second}"
            found[name] = found.get(name, 0.0) + weight
        if sentence.place != "middle":
            spoken = [word for word in words if word[0].isalnum()][:3]
            for n in range(1, len(spoken) + 1):
                found[f"{sentence.place}:{' '.join(spoken[:n])}"] = 1.0
        for word in words:
            if len(word) > _STEM:
                found["c:" + word[:_STEM]] = 0.5


def _add_kinds(found: Features, sentences: list[Sentence], lines: list[Line]) -> None:
    """Kinds of words, in order: WRITE … GENRE says the same of a sonnet and of an essay."""
    has_code = any(line.kind in CODE for line in lines)
    for sentence in sentences:
        if sentence.weight < 0.5:  # noqa: PLR2004
            continue
        chain = [kinds for word in sentence.words if (kinds := kinds_of(word))][:_MOST_KINDS]
        for i, kinds in enumerate(chain):
            for kind in kinds:
                found["g:" + kind] = min(2.0, found.get("g:" + kind, 0.0) + sentence.weight)
                if i == 0 and sentence.place != "middle":
                    found[f"g{sentence.place}:{kind}"] = 1.5
                    found[f"g{'code' if has_code else 'text'}:{kind}"] = 1.0
                for later in chain[i + 1 : i + (4 if i < _NEAR_KINDS else 2)]:
                    for other in later:
                        found[f"g:{kind} {other}"] = 1.0


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
