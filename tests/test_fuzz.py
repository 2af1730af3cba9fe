"""The fuzz of `benchmarks/fuzz.py`, a little of each target: what others write ends in a value or in an error of ours."""

from __future__ import annotations

import random

import pytest
from fuzzing import TARGETS, fuzz

CASES = 100
SLOW = ("over a socket", "routing.toml", "Markdown", "classify")


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_read_or_refused(name: str) -> None:
    """No unexpected exception and no hang; the seed is in the failure's output."""
    seed = random.SystemRandom().randrange(1 << 20)
    print(f"seed {seed}")  # noqa: T201  a failure is repeated by it
    cases = CASES // 4 if any(word in name for word in SLOW) else CASES
    count, _ = fuzz(name, cases=cases, seed=seed)
    assert count >= cases // 2


def test_the_long_version_has_as_many_cases_as_promised() -> None:
    """`docs/reliability.md` says how many."""
    assert sum(target.cases for target in TARGETS.values()) >= 100_000
