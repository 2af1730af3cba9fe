"""Strengths from votes: the better model stands above, and a few votes claim little."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routebook.learn.bradley_terry import MIDDLE, Vote, chance, standings


def votes(strengths: dict[str, float], *, n: int, seed: int = 0) -> list[Vote]:
    """Votes of somebody who finds models as good as that, in odds."""
    rng, names = random.Random(seed), list(strengths)
    cast = []
    for _ in range(n):
        first, second = rng.sample(names, 2)
        p = strengths[first] / (strengths[first] + strengths[second])
        cast.append(Vote(first, second, float(rng.random() < p)))
    return cast


def test_the_order_and_the_chances_are_found_again() -> None:
    """From enough votes, within their own intervals."""
    odds = {"good": 9.0, "fair": 3.0, "poor": 1.0}
    found = standings(votes(odds, n=1500))
    assert [standing.model for standing in found] == ["good", "fair", "poor"]
    assert chance(found[0], found[1]) == pytest.approx(0.75, abs=0.05)
    assert chance(found[0], found[2]) == pytest.approx(0.9, abs=0.05)


def test_intervals_hold_what_they_promise() -> None:
    """95 % of them, over many users."""
    inside = 0
    for seed in range(100):
        found = {standing.model: standing for standing in standings(votes({"a": 2.0, "b": 1.0}, n=200, seed=seed))}
        gap = found["a"].points - found["b"].points
        half = (found["a"].high - found["a"].points) + (found["b"].high - found["b"].points)
        inside += abs(gap - 120.4) <= half  # 400 * log10(2)
    assert inside >= 90


def test_one_vote_claims_little() -> None:
    """Its winner is ahead, and the intervals overlap widely."""
    winner, loser = standings([Vote("a", "b", 1.0)])
    assert winner.model == "a"
    assert winner.low < loser.high
    assert winner.votes == loser.votes == 1


def test_ties_and_no_votes_decide_nothing() -> None:
    """Half a win each."""
    assert standings([]) == []
    one, other = standings([Vote("a", "b", 0.5)] * 9)
    assert one.points == pytest.approx(MIDDLE)
    assert other.points == pytest.approx(MIDDLE)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("efgh"), st.sampled_from([0.0, 0.5, 1.0])), max_size=40))
def test_any_votes_give_finite_points(cast: list[tuple[str, str, float]]) -> None:
    """One who wins always is not infinitely strong."""
    for standing in standings([Vote(*vote) for vote in cast]):
        assert -3000 < standing.low <= standing.points <= standing.high < 5000
