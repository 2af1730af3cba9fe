"""The shipped weights: one matrix of bytes, read on first use; from features to scores by one product."""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import cache
from importlib.resources import as_file, files
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from routebook.classifier.features import N_BUCKETS, Features, count_named, hashes, places
from routebook.labels import TASKS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HEADS: Final = (*TASKS, "complexity", "strength", "needs_tools")
"""The columns of the weights: a score per task, then three figures of their own."""

_SHORT: Final = 256
"""Features of a prompt below which a product is done on one core in any case."""
UNMET: Final = 128.0
"""Rarity of a word that training never met: it says nothing, and takes weight from the words that speak."""


class Weights(NamedTuple):
    """What `training/train.py` writes: bytes and the scales that make them figures again."""

    table: NDArray[np.int8]
    """Bucket by head."""
    scale: NDArray[np.float32]
    """By head."""
    bias: NDArray[np.float32]
    """By head."""
    rarity: NDArray[np.uint8]
    """By bucket: its weight in 1/64; 0 for a bucket that training never met. 1 for a figure."""
    sharpness: float
    """What scores are multiplied with before they become shares, so that confidence is calibrated."""


@cache
def weights() -> Weights:
    """Read the shipped weights, once; numpy is loaded here and not before."""
    with as_file(files("routebook.classifier").joinpath("weights.npz")) as path:
        return read_weights(path)


def read_weights(path: Path) -> Weights:
    """Read a file of weights."""
    import numpy as np

    with np.load(path, allow_pickle=False) as held:
        return Weights(held["table"], held["scale"], held["bias"], held["rarity"], float(held["sharpness"]))


class Scores:
    """What the weights say of one prompt."""

    __slots__ = ("_held", "_rows", "_x", "logits", "met", "n_words", "names")

    def __init__(self, names: list[str], rows: NDArray[Any], x: NDArray[Any], held: Weights, *, met: list[bool]) -> None:
        self.names = names
        """All features of the prompt, its words first."""
        self._rows, self._x, self._held = rows, x, held
        self.logits: tuple[float, ...] = tuple((_product(x, rows) * held.scale + held.bias).tolist())
        """By head, in the order of `HEADS`."""
        self.met = met.count(True) / len(met) if met else 0.0
        """Share of the words of the prompt that training met, 0 to 1."""
        self.n_words = len(met)
        """Different words, numbers and marks not counted."""

    @property
    def parts(self) -> NDArray[Any]:
        """What each feature gave to each head; nothing, where training never met it."""
        return self._rows * (self._x[:, None] * self._held.scale)

    def pull(self, head: int) -> NDArray[Any]:
        """What each feature gave to one task beyond what it gave to all."""
        import numpy as np

        scale = self._held.scale[: len(TASKS)]
        rows = self._rows[:, : len(TASKS)]
        mean = (rows.dot(scale) if len(rows) < _SHORT else np.einsum("ij,j->i", rows, scale)) / len(TASKS)
        pulled: NDArray[Any] = self._x * (self._rows[:, head] * scale[head] - mean)
        return pulled


def score(found: Features, *, held: Weights | None = None) -> Scores:
    """Return the scores of a prompt's features under the shipped weights; features training never met count for nothing."""
    import numpy as np

    held, names = held or weights(), list(found)
    n_named = count_named(names)
    at = np.fromiter(chain(hashes(names[:n_named]), places(names[n_named:])), np.intp, len(names))
    at[:n_named] &= N_BUCKETS - 1
    rarity = held.rarity.take(at)
    x = np.fromiter(found.values(), np.float32, len(names)) * _weight_of().take(rarity)
    named = x[:n_named]
    named /= math.sqrt(float(named.dot(named))) or 1.0
    return Scores(names, held.table.take(at, axis=0).astype(np.float32), x, held, met=_met(names, rarity))


@cache
def _weight_of() -> NDArray[np.float32]:
    """The weight of each rarity, and of 0, which is none."""
    import numpy as np

    weight = np.arange(256, dtype=np.float32)
    weight[0] = UNMET
    return weight


def _product(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """One row times a matrix; for a long one `dot` would wake a thread on every core for a few microseconds' work."""
    import numpy as np

    product: NDArray[Any] = one.dot(other) if len(one) < _SHORT else np.einsum("i,ij->j", one, other)
    return product


def _met(names: list[str], rarity: NDArray[Any]) -> list[bool]:
    """Whether training met each of the words, which stand first."""
    n_words = bisect_left(names, 1, key=_is_no_word)
    return [weight > 0 for name, weight in zip(names[:n_words], rarity[:n_words].tolist(), strict=True) if name[2].isalpha()]


def _is_no_word(name: str) -> bool:
    return name[0] != "w"


def shares(logits: tuple[float, ...], *, sharpness: float) -> list[float]:
    """Turn scores into shares that add up to 1."""
    exp, top = math.exp, max(logits)
    powers = [exp(sharpness * (logit - top)) for logit in logits]
    part = 1 / sum(powers)
    return [power * part for power in powers]
