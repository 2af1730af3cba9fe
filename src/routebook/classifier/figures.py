"""Counts that tell how hard a prompt is: words, numbers, steps, names; each a ladder of marks passed, which a linear model can bend."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

from routebook.classifier.structure import PASTED, Line

_LADDERS: Final[dict[str, tuple[float, ...]]] = {
    "words": (4, 8, 12, 18, 25, 35, 45, 60, 80, 110, 150, 250, 500),
    "sentences": (2, 3, 4, 5, 6, 8, 12, 20),
    "numbers": (1, 2, 3, 4, 5, 6, 8, 12, 20),
    "relations": (1, 2, 3, 4, 5, 7),
    "letters a word": (3.6, 4.0, 4.4, 4.8, 5.2, 5.6, 6.2),
    "long words": (1, 2, 3, 5, 8, 12, 20),
    "learned words in a hundred": (10, 18, 26, 34, 42, 50),
    "names": (1, 2, 4, 7, 12),
    "clauses": (1, 2, 4, 7, 12),
    "negations": (1, 2, 3),
    "demands": (1, 2, 3, 5),
    "options": (1, 3, 5),
    "formulas": (1, 2, 4),
    "pasted lines": (1, 4, 10, 20, 50),
    "characters": (500, 1500, 4000, 12000),
    "other scripts": (1, 10, 50),
}
"""What is counted, and the marks of each ladder."""
FIGURES: Final = tuple(f"n:{name} at least {mark:g}" for name, marks in _LADDERS.items() for mark in marks)
_STEPS: Final = tuple((name, marks, [f"n:{name} at least {mark:g}" for mark in marks]) for name, marks in _LADDERS.items())
WEIGHT: Final = 0.25
"""Of one step, beside a row of words of length 1."""

_SAID: Final = {
    "numbers": "one two three four five six seven eight nine ten dozen half third quarter twice double triple",
    "relations": "each every per more less fewer twice half third times remaining left rest total altogether percent average then after before if until "
    "ratio equally instead same additional %",
    "negations": "not no never except without neither nor least false incorrect don't doesn't isn't can't won't cannot",
    "demands": "must should only exactly ensure including avoid under within constraint constraints support least most",
    "clauses": ", ; : ( ) \u2014 \u2013",
}
_COUNTED: Final[dict[str, tuple[str, ...]]] = {}
for _name, _words in _SAID.items():
    for _word in _words.split():
        _COUNTED[_word] = (*_COUNTED.get(_word, ()), _name)
_NAME: Final = re.compile(r" (?<=[a-z,;] )[A-Z][a-z] ?")
_FORMULA: Final = re.compile(r"[=<>≤≥^√∑∫±$\\]")
_LONG: Final = 8
_LEARNED: Final = 6


def figures(prompt: str, lines: list[Line], said: list[str], *, n_sentences: int) -> list[str]:
    """Return the names in `FIGURES` of all marks passed; `said` are the lower-case words and marks a person wrote."""
    counts = dict.fromkeys(_LADDERS, 0.0)
    sizes = sorted(map(len, filter(str.isalpha, said)))
    words, letters, longs = len(sizes), sum(sizes), len(sizes) - bisect_right(sizes, _LONG)
    counts["numbers"] = said.count("#")
    for word in filter(_COUNTED.__contains__, said):
        for name in _COUNTED[word]:
            counts[name] += 1
    spoken = "\n".join([text for kind, text in lines if kind not in PASTED])
    kinds = [kind for kind, _ in lines]
    counts["words"], counts["sentences"], counts["long words"] = words, n_sentences, longs
    counts["letters a word"] = letters / max(1, words)
    counts["learned words in a hundred"] = 100 * (words - bisect_right(sizes, _LEARNED)) / max(1, words)
    counts["names"], counts["formulas"] = len(_NAME.findall(spoken)), len(_FORMULA.findall(spoken))
    counts["options"] = kinds.count("option")
    counts["pasted lines"] = sum(map(PASTED.__contains__, kinds))
    counts["characters"] = len(prompt)
    counts["other scripts"] = 0 if spoken.isascii() else len(spoken.encode("utf-8", "surrogatepass")) - len(spoken)
    return [name for kind, marks, names in _STEPS if counts[kind] >= marks[0] for name in names[: bisect_right(marks, counts[kind])]]
