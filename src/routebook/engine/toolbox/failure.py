"""A tool that did not do what it was asked for, in words for the model and the person."""

from __future__ import annotations

from routebook.backends.redact import redacted
from routebook.messages import ToolStatus

MOST_SAID = 1_000


class ToolFailed(Exception):
    """One run of a tool failed. It never leaves the toolbox: the model is told."""

    def __init__(self, said: str, *, status: ToolStatus = "error") -> None:
        """`said` is cleaned of keys, which foreign errors may hold."""
        super().__init__(redacted(said, max_chars=MOST_SAID))
        self.status: ToolStatus = status
