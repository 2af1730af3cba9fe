"""Votes and failures become counts by task and model, which fade and keep their bounds."""

from __future__ import annotations

from typing import Any

import pytest
from lessons_made import Learner, lesson
from making import config

from routebook.learn.beliefs import MOST_SEEN
from routebook.plan.belief import Belief
from routebook.plan.evidence import Beta, Evidence, prior


def evidence(learner: Learner, model: str = "a", task: str = "chat_qa") -> Evidence:
    """What was learned of a model."""
    return learner.beliefs.evidence(task)[model]


def heard(*lessons: tuple[float, dict[str, Any]], days: float = 0.0) -> Evidence:
    """What is left of outcomes of one model, so many days after the start."""
    learner = Learner(days=days)
    learner.hear(*(lesson("a", score, **more) for score, more in lessons))
    return evidence(learner)


def test_a_vote_counts_one_and_half_a_vote_on_each_side_half() -> None:
    """A number between good and bad is said by both."""
    found = heard((1.0, {}), (0.0, {}), (0.25, {}))
    assert (found.good, found.bad, found.n) == (1.25, 1.75, 3)


def test_after_three_months_a_vote_counts_half() -> None:
    """Models change behind their names."""
    found = heard((1.0, {}), days=90)
    assert found.good == pytest.approx(0.5)
    assert found.n == 1


def test_the_order_in_which_outcomes_come_in_does_not_matter() -> None:
    """Those of another kernel may come late."""
    votes: list[tuple[float, dict[str, Any]]] = [(1.0, {"days": 0.0}), (0.0, {"days": 30.0}), (1.0, {"days": 60.0})]
    one, other = heard(*votes, days=60.0), heard(*reversed(votes), days=60.0)
    assert [one.good, one.bad, one.last] == pytest.approx([other.good, other.bad, other.last])


def test_checks_and_refusals_never_drown_the_user_s_own_word() -> None:
    """A route may check a thousand answers an hour."""
    checks: list[tuple[float, dict[str, Any]]] = [(1.0, {"source": "check"})] * 500
    found = heard((0.0, {}), *checks)
    assert found.bad == 1
    assert found.good == pytest.approx(MOST_SEEN)


@pytest.mark.parametrize("source", ["preference", "check", "refusal"])
def test_what_is_not_a_vote_counts_half(source: str) -> None:
    """A preference says less than a verdict, a machine less than the user."""
    assert heard((0.0, {"source": source})).bad == 0.5


def test_tasks_and_models_are_apart() -> None:
    """Else one bad haiku would cost a model its mathematics."""
    learner = Learner()
    learner.hear(lesson("a", 1), lesson("b", 0), lesson("a", 0, task="writing"))
    assert [(task, model, seen.good, seen.bad) for task, model, seen in learner.beliefs.all()] == [
        ("chat_qa", "a", 1, 0), ("chat_qa", "b", 0, 1), ("writing", "a", 0, 1),
    ]  # fmt: skip
    assert len(learner.beliefs) == 3
    assert learner.beliefs.evidence("research") == {}


def test_a_vote_is_heard_at_once_and_time_passes_without_one() -> None:
    """What is told is kept for a minute, and no longer."""
    learner = Learner()
    learner.hear(lesson("a", 1))
    assert evidence(learner).good == 1
    learner.hear(lesson("a", 1))
    assert evidence(learner).good == 2
    learner.now += 90 * 86400
    assert evidence(learner).good == pytest.approx(1)


# ---- what was expected before


def test_what_is_expected_comes_from_the_rubric_else_from_the_size() -> None:
    """A user who rated his models must be believed, and surer than a guess."""
    of = config(models={"a": {"provider": "mac", "id": "a", "rubric": {"chat_qa": 9}, "memory_gb": 40}})
    rated, guessed, gone = prior(of.models["a"], "chat_qa"), prior(of.models["a"], "writing"), prior(None, "writing")
    assert rated.mean == pytest.approx(0.9)
    assert guessed.mean == pytest.approx(0.82, abs=0.02)
    assert gone.mean == 0.5
    assert rated.sd < guessed.sd < gone.sd


def test_a_fitted_belief_is_taken_as_sure_as_it_says_within_bounds() -> None:
    """A fit that is sure of nonsense must still be movable."""
    sure = prior(None, "chat_qa", fitted=Belief(0.7, 0.001))
    assert sure.mean == pytest.approx(0.7)
    assert sure.good + sure.bad == pytest.approx(30)
    honest = prior(None, "chat_qa", fitted=Belief(0.7, 0.12))
    assert [honest.mean, honest.sd] == pytest.approx([0.7, 0.12])
    assert 0 < prior(None, "chat_qa", fitted=Belief(1.2, 0.0)).mean < 1


def test_outcomes_make_a_belief_surer() -> None:
    """More is known after ten votes than after none."""
    before = Beta(1, 1)
    after = before.plus(Evidence(8, 2, n=10, last=0.0))
    assert after.mean == pytest.approx(9 / 12)
    assert after.sd < before.sd
    assert before.plus(None) == before
