"""Which models leave the machine's memory so that another finds room. Pure: what is held, what it takes and the limits decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Held(NamedTuple):
    """A model that is in memory, or on its way in or out."""

    size: int
    """Bytes; 0 for unknown, which counts as a model but as no memory."""
    used: int
    """When it was last called, on any clock that goes up; 0 for never, as far as is known."""
    is_busy: bool
    """A call to it is under way, or its memory is already somebody's: it stays."""


def tagged(model_id: str) -> str:
    """One name for one model: Ollama lists `llama3` as `llama3:latest`."""
    return model_id if ":" in model_id else f"{model_id}:latest"


def room_for(
    model: str, size: int, *, held: Mapping[str, Held], max_loaded: int | None, max_bytes: int | None
) -> tuple[str, ...] | None:  # fmt: skip
    """Return the models to unload first, the least recently used of those that are not busy; `None` when busy ones leave no room.

    Args:
        model: the one that is to be called.
        size: the bytes it takes; 0 for unknown.
        held: what is in memory; `model` may be among them, and then takes no more.
        max_loaded: the most models at once.
        max_bytes: the most bytes they may take together.
    """
    others = {name: each for name, each in held.items() if name != model}
    idle = sorted((name for name, each in others.items() if not each.is_busy), key=lambda name: others[name].used)
    gone: list[str] = []
    while not _fits(size, others, max_loaded=max_loaded, max_bytes=max_bytes):
        if len(gone) == len(idle):
            return None
        gone.append(idle[len(gone)])
        others.pop(gone[-1])
    return _spared(gone, size, held, others, max_loaded=max_loaded, max_bytes=max_bytes)


def _spared(
    gone: Sequence[str], size: int, held: Mapping[str, Held], others: Mapping[str, Held], *, max_loaded: int | None, max_bytes: int | None
) -> tuple[str, ...]:  # fmt: skip
    """Without those that need not go: a small one was used least, but it took the large one behind it to make room."""
    staying, going = dict(others), list(gone)
    for name in reversed(gone):
        if _fits(size, {**staying, name: held[name]}, max_loaded=max_loaded, max_bytes=max_bytes):
            staying[name] = held[name]
            going.remove(name)
    return tuple(going)


def _fits(size: int, others: Mapping[str, Held], *, max_loaded: int | None, max_bytes: int | None) -> bool:
    if max_loaded is not None and len(others) + 1 > max_loaded:
        return False
    return max_bytes is None or size + sum(each.size for each in others.values()) <= max_bytes
