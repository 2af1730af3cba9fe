"""Fit the heads: a softmax regression over the tasks, ridge regressions and a logistic one for the rest; all linear, all convex."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from rows import Row
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression, Ridge

from routebook.classifier.features import N_BUCKETS, N_PLACES, buckets, features
from routebook.classifier.figures import FIGURES
from routebook.classifier.model import UNMET
from routebook.labels import TASKS

LEAST_PROMPTS = 4
"""A bucket met in fewer prompts is dropped."""
PENALTY = 8e-6
TOOLS_MISSED = 0.4
"""Added to the score of needs_tools: unseen prompts are less like ours, and a live question that a model guesses at costs more than a tool unused."""
ROUNDS = 120
"""Enough for the loss to settle: stopped at 50, a few prompts more or less moved the figures by a hundredth."""
_COMMON = {
    "chat_qa": 0.24,
    "writing": 0.19,
    "code_generation": 0.075,
    "transformation": 0.072,
    "ideation_planning": 0.07,
    "tool_call": 0.07,
    "bug_fix": 0.068,
    "documentation": 0.055,
    "classification": 0.054,
    "extraction": 0.032,
    "data_analysis": 0.032,
    "math_reasoning": 0.032,
    "summarization": 0.028,
}
_RARE = 0.0236
_SHARES = np.array([_COMMON.get(task, _RARE) for task in TASKS])
PRIOR = _SHARES / _SHARES.sum()
"""How often each task is asked for, as published logs of public chat services have it, roughly; our corpus is flat."""
_OF_LEARNING = ("n:letters a word", "n:learned words")
"""The only figures that may say how hard a prompt is: counts of words and lines tell how long it is."""
Array = NDArray[np.float32]


class Model(NamedTuple):
    """Weights as figures, before they become bytes."""

    table: Array
    bias: Array
    rarity: NDArray[np.uint8]


def matrix(prompts: list[str]) -> sp.csr_matrix:
    """Features of all prompts as one sparse matrix."""
    index: list[int] = []
    value: list[float] = []
    starts = [0]
    for prompt in prompts:
        at, weight = buckets(features(prompt))
        index += at
        value += weight
        starts.append(len(index))
    return sp.csr_matrix((np.array(value, np.float32), np.array(index, np.int32), starts), shape=(len(prompts), N_PLACES))


def rarities(x: sp.csr_matrix, *, own: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The weight of each bucket in 1/64: the rarer in our own prompts, the heavier; 0 for one that is hardly met at all."""
    everywhere = np.bincount(x.indices, minlength=N_PLACES)
    ours = np.bincount(x[own].indices, minlength=N_PLACES)
    weight = np.sqrt(np.log((1 + own.sum()) / (1 + ours)) + 0.5)
    rarity = np.where(everywhere >= LEAST_PROMPTS, np.clip(np.round(64 * weight), 1, 255), 0).astype(np.uint8)
    rarity[N_BUCKETS:] = 1
    return rarity


def weighed(x: sp.csr_matrix, rarity: NDArray[np.uint8]) -> sp.csr_matrix:
    """Rows of length 1, as `model.score` makes them."""
    heavy = x.multiply(np.where(rarity == 0, UNMET, rarity).astype(np.float32)[None, :]).tocsr()
    words, figures = heavy[:, :N_BUCKETS], heavy[:, N_BUCKETS:]
    norms = np.sqrt(np.asarray(words.multiply(words).sum(axis=1)).ravel())
    return sp.hstack([sp.diags(1 / np.maximum(norms, 1e-9)) @ words, figures]).tocsr().astype(np.float32)


def softmax(x: sp.csr_matrix, y: Array, weight: Array, *, penalty: float = PENALTY) -> tuple[Array, Array]:
    """Multinomial logistic regression by L-BFGS."""
    n, k = x.shape[1], y.shape[1]
    turned = x.T.tocsr()
    weight = weight / weight.sum()

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w, b = flat[: n * k].reshape(n, k).astype(np.float32), flat[n * k :]
        z = x @ w + b
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        total = p.sum(axis=1, keepdims=True)
        fit = -(weight * ((z - np.log(total)) * y).sum(axis=1)).sum()
        g = ((p / total - y) * weight[:, None]).astype(np.float32)
        slope = np.concatenate([(turned @ g + 2 * penalty * w).ravel(), g.sum(axis=0)]).astype(np.float64)
        return float(fit + penalty * np.square(w, dtype=np.float64).sum()), slope

    found = minimize(loss, np.zeros(n * k + k), jac=True, method="L-BFGS-B", options={"maxiter": ROUNDS, "maxcor": 6}).x
    return found[: n * k].reshape(n, k).astype(np.float32), found[n * k :].astype(np.float32)


def fit_all(rows: list[Row]) -> Model:
    """Fit every head on the rows that have its mark."""
    raw = matrix([row.prompt for row in rows])
    rarity = rarities(raw, own=np.array([row.source == "own" for row in rows]))
    x = weighed(raw, rarity)
    used = np.flatnonzero(rarity)
    x = x[:, used]
    words = sp.hstack([x[:, used < N_BUCKETS], sp.csr_matrix((x.shape[0], int((used >= N_BUCKETS).sum())))]).tocsr().astype(np.float32)
    learned = [column for column, place in enumerate(used) if place < N_BUCKETS or FIGURES[place - N_BUCKETS].startswith(_OF_LEARNING)]
    complexity = _spread(_fit_figure(x[:, learned], rows, "complexity"), learned, n=len(used))
    parts = [_fit_tasks(words, rows), complexity, _fit_figure(x, rows, "strength"), _fit_tools(x, rows)]
    table = np.zeros((N_PLACES, len(TASKS) + 3), np.float32)
    table[used] = np.hstack([part[0] for part in parts])
    return Model(table, np.concatenate([part[1] for part in parts]).astype(np.float32), rarity)


def _spread(part: tuple[Array, Array], columns: list[int], *, n: int) -> tuple[Array, Array]:
    """Put weights of some columns back in their places among all."""
    table = np.zeros((n, 1), np.float32)
    table[columns] = part[0]
    return table, part[1]


def _fit_tasks(x: sp.csr_matrix, rows: list[Row]) -> tuple[Array, Array]:
    """Softmax over the words alone: figures would tell the writers of our prompts apart, who wrote some labels each."""
    at = [i for i, row in enumerate(rows) if row.task is not None]
    y = np.zeros((len(at), len(TASKS)), np.float32)
    for n, i in enumerate(at):
        y[n, TASKS.index(str(rows[i].task))] = 1
    weight = np.array([rows[i].task_weight for i in at], np.float32)
    share = weight @ y / weight.sum()
    return softmax(x[at], y, weight * (y @ (PRIOR / share)).astype(np.float32))


def _fit_figure(x: sp.csr_matrix, rows: list[Row], mark: str) -> tuple[Array, Array]:
    """Ridge regression. A level of its own for each source is fitted and then dropped: sources differ in how they mark, not only in what is hard."""
    at = [i for i, row in enumerate(rows) if getattr(row, mark) is not None]
    y = np.array([getattr(rows[i], mark) for i in at], float)
    weight = np.array([rows[i].strength_weight if mark == "strength" else rows[i].task_weight for i in at])
    kinds = [rows[i].source.partition(":")[0] for i in at]
    names = sorted(set(kinds))
    level = sp.csr_matrix(3.0 * np.array([[kind == name for name in names] for kind in kinds], np.float32))
    ridge = Ridge(alpha=2.0 if mark == "complexity" else 1.5, solver="sparse_cg", max_iter=300, tol=1e-4)
    ridge.fit(sp.hstack([x[at], level]).tocsr(), y, sample_weight=weight)
    bias = ridge.intercept_ + 3.0 * ridge.coef_[x.shape[1] + names.index("own")]
    return ridge.coef_[: x.shape[1]].reshape(-1, 1).astype(np.float32), np.array([bias], np.float32)


def _fit_tools(x: sp.csr_matrix, rows: list[Row]) -> tuple[Array, Array]:
    at = [i for i, row in enumerate(rows) if row.needs_tools is not None]
    y = np.array([rows[i].needs_tools for i in at])
    weight = np.array([rows[i].tools_weight for i in at])
    head = LogisticRegression(C=20.0, solver="liblinear", random_state=0)
    head.fit(x[at], y, sample_weight=weight)
    return head.coef_.reshape(-1, 1).astype(np.float32), (head.intercept_ + TOOLS_MISSED).astype(np.float32)


def save(model: Model, path: Path, *, sharpness: float) -> None:
    """Write the weights as bytes with a scale per head; the same model gives the same file, byte for byte."""
    scale = np.maximum(np.abs(model.table).max(axis=0), 1e-9) / 127
    table = np.round(model.table / scale).astype(np.int8)
    np.savez(path, table=table, scale=scale.astype(np.float32), bias=model.bias, rarity=model.rarity, sharpness=np.float32(sharpness))
