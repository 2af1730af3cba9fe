"""What outcomes teach: the words in which votes, preferences, checks and refusals flow from the engine to the books and to what is learned."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from routebook.messages import Value

Source = Literal["vote", "preference", "check", "refusal"]
"""Who says so: the user of one answer, the user between two, a check of the route, the model itself by declining."""


class Lesson(Value, frozen=True, kw_only=True):
    """What one outcome teaches: how well a model did on one prompt. It holds nothing of the prompt's text."""

    time: dt.datetime
    request_id: str
    task: str
    model: str
    source: Source
    score: float
    """1 good, 0 bad."""
    versus: str | None = None
    """The model it was preferred to, or that was preferred to it."""
    signature: bytes | None = None
    """What the prompt is like, as `learn/signature.py` makes it; `None` where that is not known any more."""
