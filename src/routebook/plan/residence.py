"""Whether a model is in the machine's memory, and what it takes to bring it there, as far as that weighs in a choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:  # it holds what is known, these among it
    from routebook.plan.known import Known

UNKNOWN_S: Final = 15.0
"""Of loading a model of which nothing is known; large ones take 10 to 30 s."""
START_S: Final = 1.0
BYTES_A_SECOND: Final = 1.5e9
"""Of reading a model from a fast disk into memory: 18 GB take 12 s."""


class Residence(NamedTuple):
    """Of one model."""

    until: float = 0.0
    """It is loaded until then, on the engine's clock; 0 when it is not."""
    load_s: float | None = None
    """What loading takes; `None` for unknown."""


def by_size(size: int) -> float | None:
    """Seconds that loading so many bytes takes, as a guess."""
    return START_S + size / BYTES_A_SECOND if size else None


def load_s(known: Known, name: str) -> float:
    """Seconds that come on top because a model must be loaded first; 0 where it is loaded, or that is not known at all."""
    found = known.residences.get(name)
    if found is None or found.until > known.clock():
        return 0.0
    return UNKNOWN_S if found.load_s is None else found.load_s


def loaded_first(names: Sequence[str], known: Known) -> list[str]:
    """What is there sooner comes first; of models that are loaded, the order stays."""
    return sorted(names, key=lambda name: load_s(known, name))


def residence_said(known: Known, name: str) -> str:
    """What a reason says of it; empty of a model that is not managed."""
    found = known.residences.get(name)
    if found is None:
        return ""
    if found.until > known.clock():
        return "loaded already"
    return "needs loading" if found.load_s is None else f"needs loading, about {max(1, round(found.load_s))} s"
