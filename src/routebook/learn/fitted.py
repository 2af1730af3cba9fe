"""A fit: how good each of a user's models is for a prompt, and what it costs there, learned from prompts with outcomes. numpy only, no I/O.

Prompts are compared by their words, pairs of words, pieces of words and shape (`vocabulary.py`); a ridge regression in that space, held back as
leaving each prompt out says (`ridge.py`), learns the outcomes; what is kept is one weight for each term and model. Prompts are not kept.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from routebook.learn import doubt
from routebook.learn.ridge import Solved, basis, solve
from routebook.learn.vocabulary import Floats, Row, Vocabulary, likeness
from routebook.plan.belief import Belief

VERSION: Final = 2
"""Of what `dump` writes and of how prompts become rows; a fit of another version is not read."""
LANDMARKS: Final = 2000
"""Prompts against which all are compared; with no more than these a fit is exact, with more it stays in seconds."""
_DIGEST: Final = 8


class Fitted(NamedTuple):
    """What was learned of some models."""

    models: tuple[str, ...]
    priced: tuple[str, ...]
    """Models whose cost was learned too."""
    vocabulary: Vocabulary
    mean: Floats
    """By model, then by priced model: outcomes, then logarithms of costs."""
    weights: NDArray[np.float32]
    """Term, then sign, by the same."""
    noise: Floats
    """By model: the standard deviation of an outcome around what is said of it."""
    scale: Floats
    """By priced model: what makes the mean of the expected costs the mean of the real ones."""
    covariance: NDArray[np.float32]
    hold: float
    digests: frozenset[bytes]
    """Of the prompts it learned from, so that it is never judged by them."""

    def beliefs(self, prompt: str) -> dict[str, Belief]:
        """How good each model is for a prompt, 0 to 1."""
        row = self.vocabulary.row(prompt)
        said = self._said(row)
        variance = doubt.doubt(row, self.vocabulary.terms, self.covariance, hold=self.hold) + 1 / max(1, len(self.digests))
        return {
            model: Belief(mean=min(1.0, max(0.0, float(said[i]))), sd=min(0.5, float(self.noise[i]) * variance**0.5))
            for i, model in enumerate(self.models)
        }

    def expected(self, prompts: Sequence[str]) -> tuple[Floats, Floats]:
        """Outcomes (prompt by model, not cut at 0 and 1) and costs in US dollars (prompt by priced model) to expect."""
        said = np.array([self._said(self.vocabulary.row(prompt)) for prompt in prompts]).reshape(len(prompts), len(self.mean))
        n = len(self.models)
        return said[:, :n], np.exp(said[:, n:]) * self.scale

    def knows(self, prompt: str) -> bool:
        """Whether it learned from this very prompt."""
        return digest(prompt) in self.digests

    def _said(self, row: Row) -> Floats:
        n = len(self.vocabulary.terms)
        # `@` would wake a thread on every core for a tenth of a millisecond's work
        words = np.einsum("i,ij->j", row.weight, self.weights[row.at])
        said: Floats = self.mean + words + np.einsum("i,ij->j", row.shape, self.weights[n:])
        return said


class Learned(NamedTuple):
    """A fit, and what it would have said of each prompt had it not learned from it."""

    fitted: Fitted
    outcomes: Floats
    """Prompt by model."""
    costs: Floats
    """Prompt by priced model, US dollars."""


def learn(
    prompts: Sequence[str], outcomes: Mapping[str, Sequence[float]], *, costs: Mapping[str, Sequence[float]] | None = None, seed: int = 0
) -> Learned:
    """Learn from prompts, all different, with the outcome (0 to 1) of each model on each, and where known its cost in US dollars."""
    vocabulary, rows = Vocabulary.of(prompts)
    n = len(prompts)
    rng = np.random.default_rng(seed)
    landmarks = np.arange(n) if n <= LANDMARKS else np.sort(rng.choice(n, LANDMARKS, replace=False))
    found = basis(likeness(rows, landmarks, n_terms=len(vocabulary.terms)), landmarks)
    good = np.array([outcomes[model] for model in outcomes], float).T
    of_good = solve(found, good)
    spent = np.array([costs[model] for model in costs], float).T if costs else np.zeros((n, 0))
    of_cost = solve(found, np.log(np.maximum(spent, 1e-12)))
    scale = spent.mean(axis=0) / np.exp(of_cost.left_out).mean(axis=0)
    fitted = Fitted(
        models=tuple(outcomes),
        priced=tuple(costs or ()),
        vocabulary=vocabulary,
        mean=np.r_[of_good.mean, of_cost.mean],
        weights=_primal(rows, landmarks, of_good, of_cost, n_terms=len(vocabulary.terms)),
        noise=np.sqrt(((good - of_good.left_out) ** 2).mean(axis=0)),
        scale=scale,
        covariance=doubt.spread(rows, vocabulary.terms, hold=of_good.hold),
        hold=of_good.hold,
        digests=frozenset(map(digest, prompts)),
    )
    return Learned(fitted, of_good.left_out, np.exp(of_cost.left_out) * scale)


def digest(prompt: str) -> bytes:
    """Eight bytes that tell one prompt from another."""
    return hashlib.blake2b(prompt.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


def _primal(rows: Sequence[Row], landmarks: NDArray[np.intp], *solved: Solved, n_terms: int) -> NDArray[np.float32]:
    """From a weight for each landmark to one for each term and sign."""
    dual = np.concatenate([one.dual for one in solved], axis=1)
    chosen = [rows[i] for i in landmarks]
    who = np.repeat(np.arange(len(chosen)), [len(row.at) for row in chosen])
    at = np.concatenate([row.at for row in chosen])
    weight = np.concatenate([row.weight for row in chosen])
    of_terms = [np.bincount(at, weights=weight * dual[who, j], minlength=n_terms) for j in range(dual.shape[1])]
    of_signs = np.stack([row.shape for row in chosen]).T @ dual
    return np.concatenate([np.array(of_terms).T, of_signs]).astype(np.float32)


def dump(fitted: Fitted) -> bytes:
    """A fit as bytes, to keep."""
    held = io.BytesIO()
    words = fitted.vocabulary
    np.savez_compressed(
        held, version=np.array(VERSION), models=np.array(fitted.models), priced=np.array(fitted.priced, dtype=np.str_),
        terms=words.terms, rarity=words.rarity, unmet=np.array(words.unmet), signs=np.array(words.signs, dtype=np.str_),
        sign_mean=words.mean, sign_scale=np.array(words.scale), mean=fitted.mean, weights=fitted.weights, noise=fitted.noise,
        scale=fitted.scale, covariance=fitted.covariance, hold=np.array(fitted.hold),
        digests=np.frombuffer(b"".join(sorted(fitted.digests)), np.uint8),
    )  # fmt: skip
    return held.getvalue()


def load(held: bytes) -> Fitted | None:
    """The fit that `dump` wrote; `None` for one of another version, or for bytes that are no fit."""
    try:
        return _read(held)
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def _read(held: bytes) -> Fitted | None:
    with np.load(io.BytesIO(held), allow_pickle=False) as got:
        if int(got["version"]) != VERSION:
            return None
        signs = tuple(map(str, got["signs"]))
        words = Vocabulary(got["terms"], got["rarity"], float(got["unmet"]), signs, got["sign_mean"], float(got["sign_scale"]))
        digests = got["digests"].tobytes()
        return Fitted(
            tuple(map(str, got["models"])), tuple(map(str, got["priced"])), words, got["mean"], got["weights"], got["noise"], got["scale"],
            got["covariance"], float(got["hold"]), frozenset(digests[i : i + _DIGEST] for i in range(0, len(digests), _DIGEST)),
        )  # fmt: skip
