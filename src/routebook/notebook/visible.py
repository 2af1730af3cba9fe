"""A text for a terminal, of which the terminal makes nothing but the text: a model could move the cursor, rename the window or hide what it wrote."""

from __future__ import annotations

from typing import Final

_SHOWN_AS: Final = "�"
_KEPT: Final = "\n\t"
_CONTROLS: Final = {code: _SHOWN_AS for code in (*range(32), *range(127, 160)) if chr(code) not in _KEPT} | {ord("\r"): None}


def visible(text: str) -> str:
    """Replace all control characters but line breaks and tabs."""
    return text if text.isprintable() else text.translate(_CONTROLS)
