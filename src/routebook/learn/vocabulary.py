"""From prompts to rows of numbers whose products say how alike two prompts are: what they are about, and a little of their shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from routebook.learn.terms import signs, terms

Floats = NDArray[np.float64]

SHAPE: Final = 0.3
"""What shape counts beside words; chosen by repeated cross-validation on two thirds of two public benches, where 0.2 to 0.5 did equally well."""
_LEAST_PROMPTS: Final = 2
_LEAST_SHAPED: Final = 3
_COMMON: Final = 24
"""Prompts from which on a term goes through a dense product instead of a list of its pairs."""
_BLOCK: Final = 2048


class Row(NamedTuple):
    """One prompt."""

    at: NDArray[np.intp]
    """Places of its known terms in the vocabulary."""
    weight: Floats
    """Their weights; with the signs a vector of length 1, unless it has no known term."""
    shape: Floats
    """Its signs, centred and scaled."""
    unknown: float
    """Share of what it says that no known prompt says, 0 to 1."""


class Vocabulary(NamedTuple):
    """The terms and signs of the prompts that a fit learned from."""

    terms: NDArray[np.uint32]
    """Hashes, in order."""
    rarity: NDArray[np.float32]
    """Inverse document frequency of each."""
    unmet: float
    """The same of a term that no prompt has."""
    signs: tuple[str, ...]
    mean: Floats
    scale: float
    """Of the signs."""

    @classmethod
    def of(cls, prompts: Sequence[str]) -> tuple[Self, list[Row]]:
        """Return the vocabulary of some prompts, and their rows."""
        told = [terms(prompt) for prompt in prompts]
        shown = [signs(prompt) for prompt in prompts]
        n = len(prompts)
        known, count = np.unique(np.concatenate([found for found, _ in told]), return_counts=True)
        kept = count >= _LEAST_PROMPTS
        rarity = np.log((1 + n) / (1 + count[kept])) + 1
        often = Counter(name for one in shown for name in one)
        names = tuple(sorted(name for name, count in often.items() if count >= min(_LEAST_SHAPED, n)))
        table = np.array([[name in one for name in names] for one in shown], float).reshape(n, len(names))
        mean = table.mean(axis=0)
        spread = float(((table - mean) ** 2).sum(axis=1).mean()) or 1.0
        scale = float(np.sqrt(SHAPE / spread))
        made = cls(known[kept], rarity.astype(np.float32), float(np.log(1 + n) + 1), names, mean, scale)
        return made, [made._row(*both) for both in zip(told, shown, strict=True)]

    def row(self, prompt: str) -> Row:
        """The row of a prompt."""
        return self._row(terms(prompt), signs(prompt))

    def _row(self, told: tuple[NDArray[np.uint32], Floats], shown: set[str]) -> Row:
        names, weight = told
        at = np.searchsorted(self.terms, names)
        is_known = np.zeros(len(names), bool)
        inside = at < len(self.terms)
        is_known[inside] = self.terms[at[inside]] == names[inside]
        lost = float((weight[~is_known] ** 2).sum()) * self.unmet**2
        at, weight = at[is_known], weight[is_known] * self.rarity[at[is_known]]
        length = float(np.sqrt(weight @ weight))
        shape = (np.array([name in shown for name in self.signs], float) - self.mean) * self.scale
        size = float(np.sqrt(1 + shape @ shape))  # a prompt of an odd shape weighs no more than another
        unknown = lost / (lost + length**2) if lost else 0.0
        return Row(at, weight / ((length or 1.0) * size), shape / size, unknown)


def likeness(rows: Sequence[Row], landmarks: NDArray[np.intp], *, n_terms: int) -> Floats:
    """Return the products of all rows with those of some of them: row by landmark."""
    who = np.repeat(np.arange(len(rows)), [len(row.at) for row in rows])
    at = np.concatenate([row.at for row in rows])
    weight = np.concatenate([row.weight for row in rows])
    by_term = np.argsort(at, kind="stable")
    who, at, weight = who[by_term], at[by_term], weight[by_term]
    count = np.bincount(at, minlength=n_terms)
    place = np.full(len(rows), -1)
    place[landmarks] = np.arange(len(landmarks))
    shape = np.stack([row.shape for row in rows])
    alike = shape @ shape[landmarks].T
    alike += _rare(who, weight, count, place, shape=alike.shape)
    for block in _blocks(np.flatnonzero(count >= _COMMON)):
        dense = np.zeros((len(rows), len(block)), np.float32)
        column = np.full(n_terms, -1)
        column[block] = np.arange(len(block))
        inside = column[at] >= 0
        dense[who[inside], column[at[inside]]] = weight[inside]
        alike += dense @ dense[landmarks].T
    return alike


def _blocks(places: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [places[start : start + _BLOCK] for start in range(0, len(places), _BLOCK)]


def _rare(who: NDArray[Any], weight: Floats, count: NDArray[Any], place: NDArray[Any], *, shape: tuple[int, ...]) -> Floats:
    """The products over terms that few prompts have: every pair of prompts that share one, term by term of equal frequency."""
    starts = np.r_[0, np.cumsum(count)[:-1]]
    cells: list[NDArray[Any]] = []
    products: list[Floats] = []
    for often in range(1, _COMMON):
        first = starts[count == often]
        if not len(first):
            continue
        span = first[:, None] + np.arange(often)
        left, right = who[span][:, :, None], place[who[span]][:, None, :]
        both = weight[span][:, :, None] * weight[span][:, None, :]
        cell = np.broadcast_to(left * shape[1] + right, both.shape)
        is_there = np.broadcast_to(right >= 0, both.shape)
        cells.append(cell[is_there])
        products.append(both[is_there])
    if not cells:
        return np.zeros(shape)
    summed = np.bincount(np.concatenate(cells), weights=np.concatenate(products), minlength=shape[0] * shape[1])
    return np.asarray(summed, np.float64).reshape(shape)
