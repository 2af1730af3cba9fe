"""A fit learns which of a user's models is good at what, says how sure it is, and survives being saved."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from labelled_made import labelled, prompts

from routebook.learn import fitted as fits
from routebook.learn.doubt import doubt
from routebook.learn.fitted import Fitted, Learned, dump, learn, load
from routebook.learn.ridge import basis, solve
from routebook.learn.vocabulary import Vocabulary, likeness


@pytest.fixture(scope="module")
def learned() -> Learned:
    """Learned from 160 prompts about two topics."""
    frame = labelled(160)
    outcomes = {name: frame[name].tolist() for name in ("dear", "small")}
    return learn(list(frame["prompt"]), outcomes, costs={"dear": [0.01] * 160, "small": [0.0] * 160})


def gap(fitted: Fitted, prompt: str) -> float:
    """How much better the dear model is believed to be."""
    said = fitted.beliefs(prompt)
    return said["dear"].mean - said["small"].mean


def test_it_knows_on_new_prompts_who_is_good_at_what(learned: Learned) -> None:
    """Words shared with what was learned from decide; the prompts themselves are new."""
    gaps = {topic: [gap(learned.fitted, text) for other, text in prompts(40, seed=9) if other == topic] for topic in ("cook", "prove")}
    assert max(gaps["cook"]) < min(gaps["prove"])
    assert np.mean(gaps["prove"]) > 0.4


def test_what_it_never_met_it_is_unsure_of(learned: Learned) -> None:
    """Exploration needs to know where it knows nothing, and the mean must not run away there."""
    prompt = prompts(1, seed=9)[0][1]
    strange = re.sub("[a-z]", lambda letter: chr(219 - ord(letter[0])), prompt)  # of the same shape, in words nobody has
    known, unknown = learned.fitted.beliefs(prompt), learned.fitted.beliefs(strange)
    assert unknown["small"].sd > 1.5 * known["small"].sd
    assert 0.3 < unknown["small"].mean < 0.8
    fitted, row = learned.fitted, learned.fitted.vocabulary.row(strange)
    met = doubt(row._replace(unknown=0.0), fitted.vocabulary.terms, fitted.covariance, hold=fitted.hold)
    assert doubt(row, fitted.vocabulary.terms, fitted.covariance, hold=fitted.hold) > 1.5 * met


@pytest.mark.parametrize("prompt", ["", "   ", "你好世界" * 50, "\ud800 lone", "x" * 200_000, "a b " * 50_000])
def test_any_prompt_has_a_belief(learned: Learned, prompt: str) -> None:
    """A hostile prompt must not stop a plan."""
    for belief in learned.fitted.beliefs(prompt).values():
        assert 0 <= belief.mean <= 1
        assert 0 < belief.sd <= 0.5


def test_each_prompt_is_judged_without_itself(learned: Learned) -> None:
    """Where outcomes are chance, what is said of each prompt left out must not know its outcome."""
    rng = np.random.default_rng(3)
    coin = rng.integers(0, 2, 160).astype(float)
    found = learn([text for _, text in prompts(160)], {"a": coin.tolist(), "b": (1 - coin).tolist()})
    assert np.corrcoef(found.outcomes[:, 0], coin)[0, 1] < 0.25
    assert np.corrcoef(learned.outcomes[:, 1], labelled(160)["small"])[0, 1] > 0.5


def test_left_out_is_what_learning_without_it_says() -> None:
    """The closed form must agree with really leaving a prompt out."""
    frame = labelled(80)
    told, outcomes = list(frame["prompt"]), {name: frame[name].tolist() for name in ("dear", "small")}
    whole = learn(told, outcomes)
    for i in (3, 8, 41):
        rest = [j for j in range(80) if j != i]
        without = learn([told[j] for j in rest], {name: [values[j] for j in rest] for name, values in outcomes.items()})
        assert without.fitted.expected([told[i]])[0][0] == pytest.approx(whole.outcomes[i], abs=0.12)


def test_costs_are_learned(learned: Learned) -> None:
    """A model that costs nothing is expected to cost nothing."""
    _, costs = learned.fitted.expected([text for _, text in prompts(3, seed=9)])
    assert costs[:, 0] == pytest.approx(0.01)
    assert costs[:, 1] == pytest.approx(0, abs=1e-9)


def test_with_more_prompts_than_landmarks_it_learns_from_all() -> None:
    """Beyond 2,000 prompts each is compared with some of them only, and what is said hardly changes."""
    told = [text for _, text in prompts(90)]
    vocabulary, rows = Vocabulary.of(told)
    outcomes = labelled(90)[["dear", "small"]].to_numpy(float)
    every, some = np.arange(90), np.arange(0, 90, 2)
    exact = solve(basis(likeness(rows, every, n_terms=len(vocabulary.terms)), every), outcomes)
    about = solve(basis(likeness(rows, some, n_terms=len(vocabulary.terms)), some), outcomes)
    assert np.corrcoef(exact.left_out[:, 1], about.left_out[:, 1])[0, 1] > 0.9


def test_likeness_is_the_product_of_rows() -> None:
    """Rare and common terms go different ways to the same sum."""
    told = [text for _, text in prompts(60)]
    vocabulary, rows = Vocabulary.of(told)
    whole = np.zeros((60, len(vocabulary.terms) + len(vocabulary.signs)))
    for i, row in enumerate(rows):
        whole[i, row.at] = row.weight
        whole[i, len(vocabulary.terms) :] = row.shape
    some = np.array([3, 7, 59])
    assert likeness(rows, some, n_terms=len(vocabulary.terms)) == pytest.approx(whole @ whole[some].T, abs=1e-5)


def test_a_saved_fit_says_the_same_and_holds_no_prompt(learned: Learned) -> None:
    """It lies in the books for months; nobody may read prompts out of it."""
    held = dump(learned.fitted)
    again = load(held)
    assert again is not None
    prompt = prompts(1, seed=9)[0][1]
    assert again.beliefs(prompt) == learned.fitted.beliefs(prompt)
    assert again.knows(prompts(1)[0][1])
    assert not again.knows(prompt)
    with np.load(io.BytesIO(held)) as parts:
        assert not any(b"simmer" in part.tobytes() or "simmer" in str(part) for part in parts.values())


@pytest.mark.parametrize("held", [b"", b"not a fit", b"PK\x03\x04 broken"])
def test_bytes_that_are_no_fit_are_no_fit(held: bytes) -> None:
    """A broken row in the books must not keep a router from opening."""
    assert load(held) is None


def test_a_fit_of_another_version_is_not_read(learned: Learned) -> None:
    """Its rows would mean something else."""
    with np.load(io.BytesIO(dump(learned.fitted))) as held:
        parts = dict(held)
    changed = io.BytesIO()
    np.savez(changed, **(parts | {"version": np.array(fits.VERSION + 1)}))
    assert load(changed.getvalue()) is None
