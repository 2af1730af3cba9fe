"""`rb.evaluate_models(...)`: what each model is worth at each task, and its way into `[models.*]` of `routing.toml`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from routebook.config.profile import with_profiles
from routebook.errors import UsageError
from routebook.evaluation import tables
from routebook.evaluation.front import suite_of, watched, wish_of
from routebook.evaluation.outcome import Evaluated
from routebook.evaluation.profile import profiles, without_place
from routebook.evaluation.run import Progress, Tell
from routebook.messages import Tier
from routebook.notebook import figures
from routebook.notebook.here import router_here, session_here
from routebook.notebook.panels.draft import Draft
from routebook.notebook.panels.evaluation_page import difference_page, evaluation_page
from routebook.notebook.progress import ErrorLine, OutputLine

if TYPE_CHECKING:  # pandas loads only when a frame is asked for
    import pandas as pd

    from routebook.engine.router import Router

NOTHING = "routing.toml says all of this already."


class ModelReport:
    """What an evaluation came to; in a notebook it shows itself when it is the last thing of a cell.

    report = rb.evaluate_models(budget_usd=0.50)
    report.frame          # a row for each model and task
    print(report.diff())  # what would change in routing.toml
    report.write()
    """

    def __init__(self, found: Evaluated, router: Router, *, is_own: bool) -> None:
        """`is_own`: the router is the notebook's, and reads the file again when it was written."""
        self.found = found
        self._router, self._is_own = router, is_own

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Model by task: `model, task, score, low, high, n, rubric, tokens_per_s, ttft_s, usd_per_1k, cost_usd, failed, why`."""
        return tables.by_task(self.found)

    @cached_property
    def models(self) -> pd.DataFrame:
        """The models over all tasks: as `frame`, without `task` and `rubric`."""
        return tables.by_model(self.found)

    @cached_property
    def answers(self) -> pd.DataFrame:
        """Every prompt by every model: `model, task, id, prompt, check, score, said, request_id, why`."""
        return tables.answers(self.found)

    def diff(self) -> str:
        """What would change in `routing.toml`, as a unified difference; empty where nothing would.

        Raises:
            UsageError: there is no file, or an entry is written in a way that is better changed by hand.
        """
        return "\n".join(self._difference(self._draft()))

    def write(self) -> str:
        """Write rubric, speed and price into `[models.*]`; comments and layout stay. Return in words what became of it.

        The file as it was is kept beside it.

        Raises:
            UsageError: as `diff` does, or it cannot be written.
            ConfigError: the file is wrong.
            FileChanged: another program changed the file meanwhile; nothing was written.
        """
        draft = self._draft()
        if not self._difference(draft):
            return NOTHING
        draft.check(self._text(draft))
        kept = draft.save_keeping()
        use = draft.reload()
        self._router = draft.router or self._router
        return f"Written to {draft.name}, {use}. The file as it was is kept as {kept}."

    @property
    def unwritten(self) -> list[str]:
        """The models that have no place in the file: a provider listed them."""
        return without_place(self._router.config, self.found)

    def page(self) -> dict[str, str]:
        """The report as HTML and as text."""
        return evaluation_page(self.found)

    def difference(self) -> dict[str, str]:
        """The difference as HTML and as text; raises as `diff` does."""
        return difference_page(self._difference(self._draft()))

    def _draft(self) -> Draft:
        draft = Draft(None if self._is_own else self._router)
        if draft.source.data is None:
            raise UsageError("There is no routing.toml here to write to; %route init writes one to start from.")
        return draft

    def _text(self, draft: Draft) -> str:
        return with_profiles(draft.source.text, profiles(self._router.runtime(), self._router.config, self.found))

    def _difference(self, draft: Draft) -> list[str]:
        old, new = draft.source.text.splitlines(), self._text(draft).splitlines()
        return list(difflib.unified_diff(old, new, draft.name, f"{draft.name} with this evaluation", lineterm="", n=1))

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return self.page()

    def __repr__(self) -> str:
        return self.page()["text/plain"]


def evaluate_models(
    suite: str | Path | pd.DataFrame | None = None,
    models: Sequence[str] | str = (),
    *,
    tasks: Sequence[str] | str = (),
    judge: str | None = None,
    budget_usd: float | Decimal | None = None,
    tier: Tier | None = None,
    local: bool = False,
    fresh: bool = False,
    progress: bool = True,
    router: Router | None = None,
) -> ModelReport:
    """Ask models the prompts of a suite, check the answers, and say what each model is worth at each task; see `docs/evaluation.md`.

    Every answer is written down as it comes: after an interrupt, a crash or a spent budget the same call goes on where it stopped.

    Args:
        suite: a TOML file or a DataFrame; without it that of `[evaluation]`, else the built-in one.
        models: models, pools and providers; without any, all that can be reached.
        tasks: only the prompts of these.
        judge: the model that judges what no other check can.
        budget_usd: for all of it; what could exceed it is not sent.
        tier: the dearest allowed.
        local: nothing leaves the machine.
        fresh: begin anew, though a run is unfinished.
        progress: show how far it is.
        router: whose `routing.toml` and books; without it the notebook's own.

    Raises:
        SuiteError: the suite is wrong, with every problem at once.
        UsageError: a name leads nowhere, or no model can be asked.
        BooksError: the books cannot be written.
        KeyboardInterrupt: it was stopped.
    """
    of = router if router is not None else router_here()
    wish = wish_of(of, models=models, tasks=tasks, judge=judge, budget_usd=budget_usd, tier=tier, is_local=local, is_fresh=fresh)
    found = suite_of(of, suite, tasks=wish.tasks)
    with _line(is_shown=progress) as say:
        return ModelReport(watched(of, found, wish, say=say), of, is_own=router is None)


def told(progress: Progress) -> str:
    """How far it is, in a line."""
    cost = f", {figures.money(progress.spent_usd)}" if progress.spent_usd else ""
    return f"Evaluating: {progress.done:,} of {progress.of:,} answers{cost}; {progress.model}"


@contextmanager
def _line(*, is_shown: bool) -> Iterator[Tell]:
    """A line that is gone in the end."""
    session = session_here()
    if not is_shown:
        yield lambda _progress: None
    elif session is not None and session.has_page:
        output = OutputLine()
        try:
            yield lambda progress: output.say(told(progress))
        finally:
            output.put({"text/plain": ""})
    else:
        with ErrorLine() as line:
            yield lambda progress: line.say(told(progress))
