"""The figures by which routing is judged, by hand-made cases whose values are known."""

from __future__ import annotations

import numpy as np
import pytest

from routebook.learn.measures import area, choices, hull, recovery

STRONG, WEAK = np.array([1.0, 1, 1, 1]), np.array([0.0, 0, 1, 1])


def test_a_score_that_knows_recovers_all_with_half_the_calls() -> None:
    """The best order gets the whole gap from the prompts that need it."""
    curve = recovery([4, 3, 2, 1], STRONG, WEAK)
    assert curve.apgr == pytest.approx(0.75)
    assert curve.cpt(0.5) == pytest.approx(25)
    assert curve.cpt(1.0) == pytest.approx(50)


def test_equal_scores_are_chance() -> None:
    """A score that says nothing must not profit from the order of the rows."""
    curve = recovery([1, 1, 1, 1], STRONG, WEAK)
    assert curve.apgr == pytest.approx(0.5)
    assert curve.cpt(0.5) == pytest.approx(50)


def test_a_prompt_that_counts_twice_is_like_two() -> None:
    """Intervals resample prompts by counting them, which must be the same as having them so often."""
    once = recovery([3, 2, 2, 1], [1, 1, 1, 1], [0, 1, 1, 0.5])
    counted = recovery([3, 2, 1], [1, 1, 1], [0, 1, 0.5], times=[1, 2, 1])
    assert counted.apgr == pytest.approx(once.apgr)
    assert counted.cpt(0.8) == pytest.approx(once.cpt(0.8))


def test_the_area_is_the_mean_quality_along_the_hull() -> None:
    """A setting below the line between two others is never used, and a dearer, worse one neither."""
    cost, quality = np.array([0.0, 0.2, 0.5, 0.6, 1.0]), np.array([0.0, 0.1, 1.0, 0.4, 0.8])
    assert [axis.tolist() for axis in hull(cost, quality)] == [[0.0, 0.5], [0.0, 1.0]]
    assert area(cost, quality, least=0.0, most=1.0) == pytest.approx(0.75)


def test_choices_go_from_the_best_to_the_cheapest() -> None:
    """One knob goes from quality alone to cost alone."""
    chosen = choices(np.array([[0.9, 0.5], [0.6, 0.5]]), np.array([[1.0, 0.1], [1.0, 0.1]]))
    assert chosen[0].tolist() == [0, 0]
    assert chosen[-1].tolist() == [1, 1]
    assert [0, 1] in chosen.tolist()  # in between, the prompt that gains most keeps the dear one
