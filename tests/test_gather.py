"""What many events become between two looks at a pane."""

from __future__ import annotations

import time

from routebook.events import Started, Switched
from routebook.messages import Delta
from routebook.notebook.gather import SPEED_S, Gathered


def test_speed_is_told_now_and_then_from_the_first_token_on() -> None:
    """A figure that changes twenty times a second cannot be read, and one token has no speed."""
    gathered = Gathered()
    gathered.add(Started(model="a", attempt=1))
    gathered.add(Delta(text="one "))
    began = time.monotonic()
    assert gathered.take().speed is None
    time.sleep(SPEED_S * 1.2)
    assert gathered.take().speed is None
    for _ in range(20):
        gathered.add(Delta(text="more "))
    speed = gathered.take().speed
    assert speed is not None
    assert 20 / (time.monotonic() - began + 0.5) < speed <= 20 / (SPEED_S * 1.2)
    gathered.add(Delta(text="more "))
    assert gathered.take().speed is None


def test_another_model_begins_with_a_speed_of_its_own() -> None:
    """The tokens of the one that failed are not its."""
    gathered = Gathered()
    gathered.add(Started(model="a", attempt=1))
    for _ in range(50):
        gathered.add(Delta(text="x"))
    gathered.add(Switched(from_model="a", to_model="b", reason="it broke off"))
    gathered.add(Started(model="b", attempt=2))
    gathered.add(Delta(text="y"))
    time.sleep(SPEED_S * 1.2)
    assert gathered.take().speed is None
