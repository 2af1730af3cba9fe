"""An evaluation as tidy frames: model by task, models, and single answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from routebook.evaluation.figures import Figures, figures_of
from routebook.evaluation.outcome import Evaluated
from routebook.evaluation.profile import rubric_of
from routebook.tables.rows import as_frame

if TYPE_CHECKING:  # pandas loads only when a frame is asked for
    import pandas as pd

FLOATS: Final = ("score", "low", "high", "tokens_per_s", "ttft_s", "usd_per_1k", "cost_usd")
BY_TASK: Final = (
    "model",
    "task",
    "score",
    "low",
    "high",
    "n",
    "rubric",
    "tokens_per_s",
    "ttft_s",
    "usd_per_1k",
    "cost_usd",
    "failed",
    "why",
)
BY_MODEL: Final = ("model", "score", "low", "high", "n", "tokens_per_s", "ttft_s", "usd_per_1k", "cost_usd", "failed", "why")
ANSWERS: Final = ("model", "task", "id", "prompt", "check", "score", "said", "request_id", "why")


def by_task(found: Evaluated) -> pd.DataFrame:
    """One row for each model and task."""
    return as_frame(_rows(found), columns=BY_TASK, floats=(*FLOATS, "rubric"))


def by_model(found: Evaluated) -> pd.DataFrame:
    """One row for each model."""
    rows = [{"model": model, **of_model(found, model)} for model in found.models]
    return as_frame(rows, columns=BY_MODEL, floats=FLOATS)


def answers(found: Evaluated) -> pd.DataFrame:
    """One row for each prompt and model; `why` says why there is no score."""
    rows: list[Mapping[str, Any]] = [
        {
            "model": result.model, "task": item.task, "id": item.id, "prompt": item.prompt, "check": item.kind, "score": 10 * result.score,
            "said": result.said, "request_id": result.request_id, "why": "",
        }
        for item, result in found.graded
    ]  # fmt: skip
    rows += [
        {
            "model": model,
            "task": item.task,
            "id": item.id,
            "prompt": item.prompt,
            "check": item.kind,
            "said": "",
            "request_id": "",
            "why": why,
        }
        for item, model, why in found.missing
    ]
    return as_frame(rows, columns=ANSWERS, floats=("score",))


def of_model(found: Evaluated, model: str, task: str | None = None) -> dict[str, Any]:
    """The figures of a model, at one task or at all, with what failed."""
    results = [result for item, result in found.graded if result.model == model and task in (None, item.task)]
    whys = [missing.why for missing in found.missing if missing.model == model and task in (None, missing.item.task)]
    return {**_plain(figures_of(results)), "failed": len(whys), "why": "; ".join(dict.fromkeys(whys))}


def tasks_of(found: Evaluated) -> list[str]:
    """The tasks that were asked about, in the suite's order."""
    return list(dict.fromkeys([item.task for item, _ in found.graded] + [missing.item.task for missing in found.missing]))


def _rows(found: Evaluated) -> Iterator[Mapping[str, Any]]:
    for model in found.models:
        rubric = rubric_of([result for _, result in found.graded if result.model == model])
        for task in tasks_of(found):
            yield {"model": model, "task": task, "rubric": rubric.get(task), **of_model(found, model, task)}


def _plain(figures: Figures) -> dict[str, Any]:
    return msgspec.structs.asdict(figures)
