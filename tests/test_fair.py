"""Votes between two answers count by who the other was."""

from __future__ import annotations

import datetime as dt

import pytest

from routebook.learn.beliefs import Beliefs
from routebook.learn.fair import Game, weighed
from routebook.lessons import Lesson
from routebook.plan.evidence import Evidence

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def said(*votes: tuple[str, str, float]) -> Beliefs:
    """Beliefs from votes at one task: who, against whom, 1 for a win."""
    made = Beliefs(now=NOW.timestamp)
    for number, (first, second, score) in enumerate(votes):
        for model, versus, own in ((first, second, score), (second, first, 1 - score)):
            made.add(Lesson(time=NOW, request_id=f"r{number}", task="writing", model=model, source="preference", score=own, versus=versus))
    return made


def share(beliefs: Beliefs, model: str) -> float:
    """The votes for a model, of all about it."""
    seen = beliefs.evidence("writing")[model]
    return seen.good / (seen.good + seen.bad)


def test_between_two_models_a_vote_counts_as_it_was_cast() -> None:
    """There is nobody to be compared with."""
    found = said(("a", "b", 1.0), ("a", "b", 1.0), ("b", "a", 0.5)).evidence("writing")
    assert (found["a"].good, found["a"].bad) == pytest.approx((1.25, 0.25))
    assert (found["b"].good, found["b"].bad) == pytest.approx((0.25, 1.25))


def test_a_win_against_a_strong_model_says_more_than_one_against_a_weak_one() -> None:
    """Both won six of twelve, one of them against the best."""
    strong = [("best", "worst", 1.0)] * 8
    hard = [("hard", "best", 1.0)] * 6 + [("hard", "best", 0.0)] * 6
    easy = [("easy", "worst", 1.0)] * 6 + [("easy", "worst", 0.0)] * 6
    found = said(*strong, *hard, *easy)
    assert share(found, "hard") > 0.6
    assert share(found, "easy") < 0.4
    assert share(said(*hard), "hard") == pytest.approx(0.5)


def test_votes_are_moved_and_never_made() -> None:
    """How sure one is does not change, and no share leaves its bounds."""
    seen = {"a": Evidence(0.5, 0.0, n=1, last=0.0), "b": Evidence(0.0, 0.5, n=1, last=0.0), "c": Evidence(3.0, 1.0, n=4, last=0.0)}
    games = [Game("a", "b", 1.0, 0.5), Game("b", "a", 0.0, 0.5), Game("c", "b", 1.0, 9.0), Game("b", "c", 0.0, 9.0)]
    for model, found in weighed(seen, games).items():
        assert found.good + found.bad == pytest.approx(seen[model].good + seen[model].bad)
        assert found.good >= 0 <= found.bad
        assert (found.n, found.last) == (seen[model].n, seen[model].last)
