"""Panels with controls in the page: of each kind one is live at most, because what a saved notebook has of a live one is dead."""

from __future__ import annotations

import atexit
from typing import Final, Protocol


class Closes(Protocol):
    """A panel."""

    def close(self) -> None:
        """Put something that can be read in the controls' place."""


_live: Final[dict[type, Closes]] = {}


def enter(panel: Closes) -> None:
    """Let a panel be the live one of its kind: the one before is closed, and this one when the kernel ends."""
    if (before := _live.get(type(panel))) is not None and before is not panel:
        before.close()
    _live[type(panel)] = panel
    atexit.register(panel.close)


def leave(panel: Closes) -> None:
    """Say that a panel has been closed."""
    if _live.get(type(panel)) is panel:
        del _live[type(panel)]
    atexit.unregister(panel.close)
