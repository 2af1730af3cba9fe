"""What a tool returned, as text for a model: bounded, and data whatever it says."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Told(NamedTuple):
    """A result as a model is told of it."""

    text: str
    size: int
    """Bytes of the whole."""

    @property
    def is_cut(self) -> bool:
        """Whether the model got the beginning only."""
        return len(self.text.encode()) < self.size


def told(value: object, *, max_bytes: int) -> Told:
    """A result as text: a text as it is, anything else as JSON, where that has no form for it as Python prints it."""
    text = (value if isinstance(value, str) else _written(value)).encode("utf-8", "replace")
    if len(text) <= max_bytes:
        return Told(text.decode(), len(text))
    note = f"\n[cut: this is the beginning, {max_bytes:,} of {len(text):,} bytes]"
    return Told(text[:max_bytes].decode("utf-8", "ignore") + note, len(text))


def _written(value: object) -> str:
    if value is None:
        return "done"
    try:
        return msgspec.json.encode(value, enc_hook=str).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        return str(value)
