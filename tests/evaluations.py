"""A suite of three prompts, and an evaluation of models by it."""

from __future__ import annotations

from typing import Any

import pandas as pd

import routebook as rb
from routebook.engine.router import Router

SUITE = pd.DataFrame(
    [
        {"task": "chat_qa", "prompt": "Capital of France?", "exact": "Paris"},
        {"task": "chat_qa", "prompt": "Capital of Italy?", "exact": "Rome"},
        {"task": "writing", "prompt": "Name a city.", "regex": "Paris|Rome"},
    ]
)
"""Who always says Paris is half right at the one task, and right at the other."""


def evaluated(of: Router, suite: pd.DataFrame = SUITE, models: Any = (), **more: Any) -> Any:  # noqa: ANN401  a report
    """Evaluate without a bar."""
    return rb.evaluate_models(suite, models, router=of, progress=False, **more)


def scores(report: Any) -> dict[tuple[str, str], float]:  # noqa: ANN401
    """By model and task."""
    return {(row.model, row.task): row.score for row in report.frame.itertuples()}
