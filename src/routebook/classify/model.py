"""The shipped weights: one matrix of bytes, read on first use; from features to scores by one product."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from routebook.classify.features import N_BUCKETS, Features, buckets
from routebook.labels import TASKS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HEADS: Final = (*TASKS, "complexity", "strength", "needs_tools")
"""The columns of the weights: a score per task, then three figures of their own."""

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
    with as_file(files("routebook.classify").joinpath("weights.npz")) as path:
        return read_weights(path)


def read_weights(path: Path) -> Weights:
    """Read a file of weights."""
    import numpy as np

    with np.load(path, allow_pickle=False) as held:
        return Weights(held["table"], held["scale"], held["bias"], held["rarity"], float(held["sharpness"]))


class Scores(NamedTuple):
    """What the weights say of one prompt."""

    logits: tuple[float, ...]
    """By head, in the order of `HEADS`."""
    parts: NDArray[Any]
    """What each known feature gave to each head."""
    names: list[str]
    """All features of the prompt."""
    known: NDArray[Any]
    """Places in `names` of the features that training met, in the order of `parts`."""
    met: float
    """Share of the words of the prompt that training met, 0 to 1."""


def score(found: Features, *, held: Weights | None = None) -> Scores:
    """Return the scores of a prompt's features under the shipped weights; features training never met count for nothing."""
    import numpy as np

    held = held or weights()
    index, value = buckets(found)
    at = np.asarray(index, np.intp)
    rarity = held.rarity[at]
    x = np.asarray(value, np.float32) * np.where(rarity == 0, UNMET, rarity)
    words = at < N_BUCKETS
    x[words] /= math.sqrt(float(x[words] @ x[words])) or 1.0
    known = np.flatnonzero(rarity)
    at, x = at[known], x[known]
    parts = held.table[at] * (x[:, None] * held.scale)
    logits = parts.sum(axis=0) + held.bias
    names = list(found)
    met = set(known.tolist())
    spoken = [place for place, name in enumerate(names) if name.startswith("w:") and name[2].isalpha()]
    share = sum(place in met for place in spoken) / len(spoken) if spoken else 0.0
    return Scores(tuple(logits.tolist()), parts, names, known, share)


def shares(logits: tuple[float, ...], *, sharpness: float) -> list[float]:
    """Turn scores into shares that add up to 1."""
    top = max(logits)
    powers = [math.exp(sharpness * (logit - top)) for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]
