"""A user's function beside the loop: whatever it raises is told at once to whoever waits for it."""

from __future__ import annotations

import asyncio
import sys

import pytest

from routebook.engine.aside import aside


def raises_stop_iteration() -> object:
    """As `next(row for row in rows if …)` does when there is none."""
    return next(iter([]))


def leaves() -> object:
    """As a script does."""
    sys.exit(3)


def interrupts() -> object:
    """As a function that gives up in its own way."""
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("work", "said"),
    [(raises_stop_iteration, "it raised StopIteration"), (leaves, "it left with exit code 3"), (interrupts, "it raised KeyboardInterrupt")],
)
def test_what_a_future_cannot_hold_is_told_all_the_same(work: object, said: str) -> None:
    """Else it would be waited for as long as it may take, and called a timeout."""
    with pytest.raises(RuntimeError, match=said):
        asyncio.run(aside(work, limit_s=20))  # type: ignore[arg-type]
