"""The way in: a suite as it was given, what `[evaluation]` says where the caller does not, and a run that the main thread watches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from routebook.engine.loop import engine_loop
from routebook.engine.ranges import usd
from routebook.engine.router import Router
from routebook.errors import UsageError
from routebook.evaluation.outcome import Evaluated
from routebook.evaluation.read import read_suite
from routebook.evaluation.run import Progress, Tell, Wish, evaluate
from routebook.evaluation.suite import Suite
from routebook.messages import TIERS, Tier
from routebook.near import did_you_mean

if TYPE_CHECKING:  # pandas loads only when a frame is given
    import pandas as pd

_TICK_S: Final = 0.1
KEPT: Final = "The answers so far are kept. The same call goes on where it stopped."


def wish_of(
    router: Router,
    *,
    models: Sequence[str] | str = (),
    tasks: Sequence[str] | str = (),
    judge: str | None = None,
    budget_usd: float | Decimal | None = None,
    tier: Tier | None = None,
    is_local: bool = False,
    is_fresh: bool = False,
) -> Wish:
    """What is wanted: as the caller says, else as `[evaluation]` does.

    Raises:
        UsageError: a value is out of its range.
    """
    own = router.config.evaluation
    budget = own.budget if budget_usd is None else usd("budget_usd", budget_usd)
    if tier is not None and tier not in TIERS:
        raise UsageError(f"tier must be one of {', '.join(TIERS)}, not {tier!r}.")
    return Wish(
        models=_names(models) or own.models, tasks=_names(tasks), judge=judge or own.judge, budget_usd=budget, tier=tier, is_local=is_local,
        is_fresh=is_fresh,
    )  # fmt: skip


def suite_of(router: Router, given: str | Path | pd.DataFrame | None, *, tasks: Sequence[str] = ()) -> Suite:
    """The suite as it was given, else the one of `[evaluation]`, else the built-in one.

    Raises:
        SuiteError: it is wrong, with every problem at once.
        UsageError: it has no prompt of a task.
    """
    own = router.config
    folder = router.file.parent if given is None and router.file is not None else None
    suite = read_suite(own.evaluation.suite if given is None else given, tasks=own.tasks, folder=folder)
    there = list(dict.fromkeys(item.task for item in suite.items))
    for task in tasks:
        if task not in there:
            raise UsageError(f"The suite {suite.name!r} has no prompt of the task {task!r}. {did_you_mean(task, there)}".rstrip())
    return suite


def watched(router: Router, suite: Suite, wish: Wish, *, say: Tell) -> Evaluated:
    """Run an evaluation on the engine's loop, and tell how far it is on this thread.

    Raises as `run.evaluate` does, and `KeyboardInterrupt` with a note when it was stopped.
    """
    runtime, last = router.runtime(), _Last()
    job = engine_loop().start(evaluate(runtime, router.config, suite, wish, tell=last.hear), on_end=lambda: None)
    try:
        while not job.future.done():
            time.sleep(_TICK_S)
            if last.progress is not None:
                say(last.progress)
        return job.result()
    except KeyboardInterrupt as error:
        job.end()
        error.add_note(KEPT)
        raise


class _Last:
    """The newest word of the engine's thread."""

    def __init__(self) -> None:
        self.progress: Progress | None = None

    def hear(self, progress: Progress) -> None:
        self.progress = progress


def _names(given: Sequence[str] | str) -> tuple[str, ...]:
    return tuple(name.strip() for name in given.split(",") if name.strip()) if isinstance(given, str) else tuple(given)
