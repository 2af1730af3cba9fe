"""Reads a frame of prompts with outcomes: `prompt`, one column a model with its outcome from 0 to 1, and `MODEL|total_cost` where known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from routebook.errors import UsageError
from routebook.near import did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

COST: Final = "|total_cost"
"""What stands behind a model's name in the column of what its answer cost, in US dollars (as in RouterBench)."""
LEAST: Final = 30
"""Prompts below which nothing is learned: chance would be."""
_NUMBERS: Final = "biuf"


class Labelled(NamedTuple):
    """Prompts, all different, with outcomes."""

    prompts: list[str]
    models: tuple[str, ...]
    outcomes: NDArray[np.float64]
    """Prompt by model, 0 to 1."""
    costs: NDArray[np.float64] | None
    """Prompt by model, US dollars; `None` unless they are known of all models."""
    left_out: int
    """Rows without a prompt or with a value missing."""

    def at(self, rows: Sequence[int]) -> Labelled:
        """Some of the prompts; the others count as left out."""
        chosen = list(rows)
        costs = None if self.costs is None else self.costs[chosen]
        left_out = self.left_out + len(self.prompts) - len(chosen)
        return Labelled([self.prompts[i] for i in chosen], self.models, self.outcomes[chosen], costs, left_out)


def read_labelled(frame: pd.DataFrame, *, models: Sequence[str] | None = None, least: int = LEAST) -> Labelled:
    """Return what a frame holds; equal prompts become one with the mean of their outcomes.

    Args:
        frame: with the columns told above; columns of text other than `prompt` are not looked at.
        models: the columns to learn from, where others hold numbers too.
        least: the fewest prompts that will do.

    Raises:
        UsageError: a column is missing or out of its range, or there are too few prompts.
    """
    import numpy as np

    columns = [str(column) for column in getattr(frame, "columns", ())]
    if "prompt" not in columns:
        raise UsageError(f"A frame to learn from needs a column 'prompt', and has {', '.join(columns[:8]) or 'no columns'}.")
    names = _models(frame, columns, models)
    outcomes = np.stack([_numbers(frame, name, what="an outcome from 0 to 1", most=1.0) for name in names], axis=1)
    priced = all(name + COST in columns for name in names)
    costs = np.stack([_numbers(frame, name + COST, what="US dollars, 0 or more") for name in names], axis=1) if priced else None
    prompts = list(frame["prompt"])
    usable = np.isfinite(outcomes).all(axis=1) & np.array([isinstance(prompt, str) and bool(prompt.strip()) for prompt in prompts], bool)
    if costs is not None:
        usable &= np.isfinite(costs).all(axis=1)
    found = _distinct([prompts[i] for i in np.flatnonzero(usable)], names, outcomes[usable], None if costs is None else costs[usable])
    if len(found.prompts) < least:
        raise UsageError(
            f"There are {len(found.prompts)} different prompts with an outcome of every model, and at least {least} are needed."
        )
    return found._replace(left_out=int((~usable).sum()))


def _models(frame: pd.DataFrame, columns: list[str], asked: Sequence[str] | None) -> tuple[str, ...]:
    """The columns that hold outcomes.

    Raises:
        UsageError: one that is named is not there, or fewer than two are.
    """
    if asked is not None:
        for name in asked:
            if name not in columns:
                raise UsageError(f"The frame has no column {name!r}. {did_you_mean(name, columns)}".rstrip())
        found = tuple(dict.fromkeys(asked))
    else:
        found = tuple(name for name in columns if name != "prompt" and not name.endswith(COST) and _is_numeric(frame[name]))
    if len(found) < 2:  # noqa: PLR2004  there is nothing to choose from
        raise UsageError(
            f"Learning to choose needs the outcomes (0 to 1) of two models or more, a column each; found: {', '.join(found) or 'none'}."
        )
    return found


def _is_numeric(column: Any) -> bool:  # noqa: ANN401  a pandas Series
    return getattr(column.dtype, "kind", "O") in _NUMBERS


def _numbers(frame: pd.DataFrame, name: str, *, what: str, most: float = float("inf")) -> NDArray[np.float64]:
    """A column as numbers, NaN where there is none.

    Raises:
        UsageError: it holds anything else.
    """
    import numpy as np

    try:
        values: NDArray[np.float64] = frame[name].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise UsageError(f"Column {name!r} must hold {what}, and holds something else. models=[...] names the columns to use.") from None
    wrong = np.flatnonzero((values < 0) | (values > most))
    if len(wrong):
        raise UsageError(
            f"Column {name!r} must hold {what}, and row {wrong[0]} has {values[wrong[0]]:g}. models=[...] names the columns to use."
        )
    return values


def _distinct(prompts: list[str], names: tuple[str, ...], outcomes: NDArray[np.float64], costs: NDArray[np.float64] | None) -> Labelled:
    import numpy as np

    rows: dict[str, list[int]] = {}
    for i, prompt in enumerate(prompts):
        rows.setdefault(prompt, []).append(i)
    good = np.array([outcomes[at].mean(axis=0) for at in rows.values()]).reshape(len(rows), len(names))
    spent = None if costs is None else np.array([costs[at].mean(axis=0) for at in rows.values()]).reshape(len(rows), len(names))
    return Labelled(list(rows), names, good, spent, 0)
