"""What a prompt is like, in 256 bytes: enough to find prompts like it again, too little to read it.

The words, stems and kinds of words of a prompt, the rare ones weighing far more, are projected on 256 random directions that are the same
everywhere and for ever (Johnson and Lindenstrauss 1984: angles survive). Who holds a signature can tell whether a prompt he already
has is like this one; he cannot read words out of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routebook.classifier.features import N_BUCKETS, Features, buckets
from routebook.classifier.model import UNMET, weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LENGTH: Final = 256
"""Bytes of a signature."""
_SPACES: Final = {"w:": 1.0, "c:": 1.0, "g:": 0.5}
"""Words, stems, kinds, and what they weigh. Pairs and shape are left out: they say how a prompt is worded, not what it is about."""
_POWER: Final = 3
"""Of a word's rarity: prompts with the same "can you please tell me the best way to" must not be alike for that."""
_WORDS: Final = LENGTH // 64


def signature(found: Features) -> bytes:
    """Return the signature of a prompt's features; all zeros for a prompt without words."""
    import numpy as np

    index, value = buckets({name: weight * _SPACES[name[:2]] for name, weight in found.items() if name[:2] in _SPACES})
    at = np.asarray(index, np.int64)
    rarity = weights().rarity[at].astype(np.float32)
    x = np.asarray(value, np.float32) * (np.where(rarity == 0, UNMET, rarity) / UNMET) ** _POWER
    row = np.einsum("i,ij->j", x, _directions(at))  # `@` would wake a thread on every core for a tenth of a millisecond's work
    top = float(np.abs(row).max(initial=0.0)) or 1.0
    return bytes(np.rint(row * (127 / top)).astype(np.int8).tobytes())


def unpacked(held: bytes) -> NDArray[np.float32] | None:
    """Return a signature as a vector of length 1, so that a product is a cosine; `None` for one that says nothing or is of another kind."""
    import numpy as np

    row = np.frombuffer(held, np.int8).astype(np.float32)
    length = float(np.sqrt(row @ row))
    return row / length if length and len(row) == LENGTH else None


def _directions(at: NDArray[Any]) -> NDArray[Any]:
    """One row of +1 and -1 for each place: the bits of a hash (SplitMix64), so that no table is kept."""
    import numpy as np

    mixed = (at.astype(np.uint64)[:, None] + np.uint64(N_BUCKETS) * np.arange(1, _WORDS + 1, dtype=np.uint64)) * np.uint64(
        0x9E3779B97F4A7C15
    )
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = (mixed ^ (mixed >> np.uint64(31))).astype("<u8")
    bits = np.unpackbits(mixed.view(np.uint8).reshape(len(at), LENGTH // 8), axis=1)
    return bits.astype(np.float32) * 2 - 1
