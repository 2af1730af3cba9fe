"""Stopping a cell on the versions of ipykernel that people have: the money stops when it is pressed."""

from __future__ import annotations

import pytest
from pressing import Missing, measure

SOON_S = 5.0
"""From the press to the closed connection, on a machine with much else to do; `benchmarks/stopping.py` measures it."""


@pytest.mark.slow
@pytest.mark.parametrize("version", ["6.31.0", "7.0.1", "7.3.0", "newest"])
def test_the_connection_is_closed_when_stop_or_cancel_is_pressed(version: str) -> None:
    """The versions send what a page says in three ways; on the sixth only the stop button is heard while a cell runs."""
    try:
        found = measure(version, rounds=2)
    except Missing as error:
        pytest.skip(f"ipykernel {version}: {error}")
    assert set(found) == ({"stop"} if version.startswith("6.") else {"stop", "Cancel"})
    for button, took in found.items():
        assert max(took) <= SOON_S, button
