"""What was learned, as a tidy frame: one row for each task and model that have outcomes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from routebook.config.values import Config
from routebook.learn.beliefs import Beliefs
from routebook.plan.evidence import prior


def beliefs(learned: Beliefs, config: Config) -> pd.DataFrame:
    """Return what is believed of each model at each task that has outcomes.

    Columns: `task` and `model` (categories); `mean` (0 to 1: how good an answer is expected to be) and `sd` (how unsure that is); `n` (outcomes,
    however old); `last` (`datetime64[us, UTC]`, the newest of them). The mean is what the profile says, moved by the outcomes; what `fit`
    learned is not in it, because that depends on the prompt.
    """
    found = [(task, model, prior(config.models.get(model), task).plus(seen), seen) for task, model, seen in learned.all()]
    return pd.DataFrame(
        {
            "task": pd.Categorical([task for task, _, _, _ in found]),
            "model": pd.Categorical([model for _, model, _, _ in found]),
            "mean": np.array([beta.mean for _, _, beta, _ in found], dtype=float),
            "sd": np.array([beta.sd for _, _, beta, _ in found], dtype=float),
            "n": np.array([seen.n for _, _, _, seen in found], dtype="int64"),
            "last": pd.to_datetime(
                np.array([round(seen.last * 1e6) for _, _, _, seen in found], dtype="int64"), unit="us", utc=True
            ).as_unit("us"),
        }
    )
