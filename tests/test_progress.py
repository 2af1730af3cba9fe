"""A line of progress is shown often enough, not too often, and is gone in the end."""

from __future__ import annotations

import time

import pytest

from routebook.notebook.progress import TICK_S, ErrorLine, Pace


def test_a_pace_lets_something_happen_at_once_and_then_at_most_five_times_a_second() -> None:
    """A notebook's server drops what comes faster than it likes; what never came again would look broken."""
    pace, begun = Pace(), time.monotonic()
    count = int(pace.is_due())
    assert count == 1
    for _ in range(2):
        time.sleep(TICK_S)
        count += pace.is_due()
        for _ in range(1000):
            count += pace.is_due()
    assert 3 <= count <= 1 + (time.monotonic() - begun) / TICK_S


def test_a_line_on_standard_error_is_overwritten_and_gone(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of a long line may stay behind a short one."""
    with ErrorLine() as line:
        line.say("a long text")
        time.sleep(TICK_S)
        line.say("short")
    said = capsys.readouterr().err
    assert said == "\ra long text\rshort      \r     \r"
