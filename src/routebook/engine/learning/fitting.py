"""Learning a user's models from prompts with outcomes: fit, keep, use, judge, forget. What is learned stays in the books, on this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from routebook.books import fits
from routebook.classifier.classify import classify
from routebook.engine.learning.labelled import Labelled, read_labelled
from routebook.errors import UsageError
from routebook.plan.belief import Belief

if TYPE_CHECKING:  # numpy and pandas load only when something is learned or read
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from routebook.engine.runtime import Runtime
    from routebook.learn.evaluate import Evaluation
    from routebook.learn.fitted import Fitted

TIMED: Final = 60
"""Prompts by which the time to decide is measured."""
_LEAST_JUDGED: Final = 10


async def open_fit(runtime: Runtime) -> None:
    """Use the fit that the books hold, if they hold one of this version, and now and then what another kernel puts in its place.

    Raises:
        BooksError: they cannot be read.
    """
    following = _Following(runtime)
    await following.look()
    runtime.learning.looks.append(following.look)


class _Following:
    """Keeps the fit that plans ask the one that the books hold."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._stamp: int | None = None

    async def look(self) -> None:
        """Take the fit of the books, if it is not the one that was taken before."""
        runtime, before = self._runtime, self._runtime.known.fitted
        stamp = await asyncio.to_thread(runtime.books.read, fits.stamp)
        if stamp == self._stamp:
            return
        held = await asyncio.to_thread(runtime.books.read, fits.kept)
        found = None if held is None else await asyncio.to_thread(_loaded, held[0])
        if runtime.known.fitted is before:  # else this kernel fitted or forgot meanwhile, and what was read is old
            _use(runtime, found)
            self._stamp = stamp


async def fit(runtime: Runtime, frame: pd.DataFrame, *, models: Sequence[str] | None = None) -> Evaluation:
    """Learn from a frame, keep it and use it; return what it is worth on prompts that it had not learned from.

    Raises:
        UsageError: the frame cannot be learned from.
        BooksError: the fit cannot be kept; what was used before is used still.
    """
    labelled = read_labelled(frame, models=models)
    found, worth, held = await asyncio.to_thread(_learned, labelled)
    await runtime.books.write(lambda connection: fits.keep(connection, held, rows=len(labelled.prompts), time=runtime.now()))
    _use(runtime, found)
    return worth


def judge(runtime: Runtime, frame: pd.DataFrame, *, models: Sequence[str] | None = None) -> Evaluation:
    """Say what routing is worth on prompts with outcomes: by the fit, or without one by the strength that the shipped weights say.

    Prompts that the fit learned from are left out.

    Raises:
        UsageError: the frame cannot be read, has a model that was not fitted, or too few prompts that are new to the fit.
    """
    labelled = read_labelled(frame, models=models, least=_LEAST_JUDGED)
    held = runtime.books.read(fits.kept)
    fitted = _loaded(held[0]) if held else None
    return _by_strength(labelled) if fitted is None else _by_fit(labelled, fitted)


async def unfit(runtime: Runtime) -> bool:
    """Forget the fit; return whether there was one."""
    was_there = await runtime.books.write(fits.drop)
    runtime.known.fitted = None
    return was_there


def _use(runtime: Runtime, fitted: Fitted | None) -> None:
    """Let plans ask the fit: by a model's name in `routing.toml`, or by its provider's name for it."""
    if fitted is None:
        runtime.known.fitted = None
        return
    columns = {
        name: name if name in fitted.models else model.id
        for name, model in runtime.config.models.items()
        if name in fitted.models or model.id in fitted.models
    }
    runtime.known.fitted = _asked(fitted, columns) if columns else None


def _asked(fitted: Fitted, columns: Mapping[str, str]) -> Callable[[str], Mapping[str, Belief]]:
    def ask(prompt: str) -> Mapping[str, Belief]:
        said = fitted.beliefs(prompt)
        return {name: said[column] for name, column in columns.items()}

    return ask


def _loaded(held: bytes) -> Fitted | None:
    from routebook.learn.fitted import load

    return load(held)


def _learned(labelled: Labelled) -> tuple[Fitted, Evaluation, bytes]:
    from routebook.learn.evaluate import evaluate
    from routebook.learn.fitted import dump, learn

    outcomes = dict(zip(labelled.models, labelled.outcomes.T.tolist(), strict=True))
    costs = None if labelled.costs is None else dict(zip(labelled.models, labelled.costs.T.tolist(), strict=True))
    found = learn(labelled.prompts, outcomes, costs=costs)
    worth = evaluate(
        labelled.models, labelled.outcomes, found.outcomes, costs=labelled.costs, expected_costs=found.costs if costs else None,
        strength=_strength(labelled.prompts), how="each judged by a fit that had not learned from it",
        decide_ms=_decide_ms(labelled.prompts, found.fitted), left_out=labelled.left_out,
    )  # fmt: skip
    return found.fitted, worth, dump(found.fitted)


def _by_fit(labelled: Labelled, fitted: Fitted) -> Evaluation:
    import numpy as np

    from routebook.learn.evaluate import evaluate

    unknown = [model for model in labelled.models if model not in fitted.models]
    if unknown:
        raise UsageError(
            f"The fit knows {', '.join(fitted.models)}, and not {', '.join(unknown)}. Fit them too, or name the columns with models=[...]."
        )
    new = [i for i, prompt in enumerate(labelled.prompts) if not fitted.knows(prompt)]
    if len(new) < _LEAST_JUDGED:
        raise UsageError(
            f"Only {len(new)} of the {len(labelled.prompts)} prompts are new to the fit, and at least {_LEAST_JUDGED} are needed: what it "
            "learned from says nothing of what it is worth. Give other prompts; fit itself says what to expect of them."
        )
    judged = labelled.at(new)
    outcomes, costs = fitted.expected(judged.prompts)
    expected_costs = None
    if judged.costs is not None:
        mean = np.broadcast_to(judged.costs.mean(axis=0), judged.costs.shape)
        is_priced = set(labelled.models) <= set(fitted.priced)
        expected_costs = costs[:, [fitted.priced.index(model) for model in labelled.models]] if is_priced else mean
    return evaluate(
        judged.models, judged.outcomes, outcomes[:, [fitted.models.index(model) for model in judged.models]], costs=judged.costs,
        expected_costs=expected_costs, strength=_strength(judged.prompts), how="none of which the fit had learned from",
        decide_ms=_decide_ms(judged.prompts, fitted), left_out=judged.left_out,
    )  # fmt: skip


def _by_strength(labelled: Labelled) -> Evaluation:
    """Without a fit: the better a model is on the whole, the more it is expected to gain from a strong prompt."""
    import numpy as np

    from routebook.learn.evaluate import evaluate

    strength, mean = _strength(labelled.prompts), labelled.outcomes.mean(axis=0)
    expected = mean + (strength - strength.mean())[:, None] * (mean - mean.mean())
    costs = labelled.costs
    return evaluate(
        labelled.models, labelled.outcomes, expected, costs=costs,
        expected_costs=None if costs is None else np.broadcast_to(costs.mean(axis=0), costs.shape), strength=None,
        how="judged by strength alone, because nothing is fitted", decide_ms=_decide_ms(labelled.prompts, None), left_out=labelled.left_out,
    )  # fmt: skip


def _strength(prompts: Sequence[str]) -> NDArray[np.float64]:
    import numpy as np

    return np.array([classify(prompt).strength for prompt in prompts])


def _decide_ms(prompts: Sequence[str], fitted: Fitted | None) -> tuple[float, float]:
    """Time to classify a prompt and to ask the fit: p50 and p95."""
    import numpy as np

    times = []
    for prompt in prompts[:: max(1, len(prompts) // TIMED)]:
        began = time.perf_counter()
        classify(prompt)
        if fitted is not None:
            fitted.beliefs(prompt)
        times.append(1e3 * (time.perf_counter() - began))
    p50, p95 = np.percentile(times, [50, 95])
    return float(p50), float(p95)
