"""A line of progress is shown often enough, not too often, and is gone in the end."""

from __future__ import annotations

import time

import pytest

from routebook.notebook.progress import TICK_S, ErrorLine, Pace


def test_a_pace_lets_something_happen_at_once_and_then_five_times_a_second() -> None:
    """A notebook's server drops what comes faster than it likes."""
    pace = Pace()
    until, count = time.monotonic() + 2.5 * TICK_S, 0
    while time.monotonic() < until:
        count += pace.is_due()
    assert count == 3


def test_a_line_on_standard_error_is_overwritten_and_gone(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of a long line may stay behind a short one."""
    with ErrorLine() as line:
        line.say("a long text")
        time.sleep(TICK_S)
        line.say("short")
    said = capsys.readouterr().err
    assert said == "\ra long text\rshort      \r     \r"
