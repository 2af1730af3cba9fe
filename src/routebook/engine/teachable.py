"""What a router is told of its answers, and what it makes of that: the half of the facade that learns."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from routebook.books import misroutes
from routebook.books.ledger import attempts_of
from routebook.engine.learning import fitting, outcomes
from routebook.engine.learning.experiments import Standing, standings
from routebook.engine.learning.misroutes import mark_wrong, unmark_wrong
from routebook.engine.loop import EngineLoop
from routebook.engine.runtime import Runtime
from routebook.errors import UsageError
from routebook.messages import Attempt

if TYPE_CHECKING:  # pandas loads only when a frame is asked for
    import pandas as pd

    from routebook.learn.evaluate import Evaluation

T = TypeVar("T")


class Teachable(ABC):
    """Votes, preferences, fits, marks, experiments."""

    @abstractmethod
    def runtime(self) -> Runtime:
        """What the router runs on."""

    @property
    @abstractmethod
    def _engine(self) -> EngineLoop:
        """The engine's loop."""

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._engine.run_sync(work)

    def vote(self, request_id: str, good: bool | float | None, *, model: str | None = None, note: str | None = None) -> Attempt:  # noqa: FBT001  it is what one says
        """Say how good an answer was: True, False, or a number from 0 to 1; the router learns from it. A second vote replaces the first.

        Args:
            request_id: of the request, as answers and the frame have it.
            good: how good the answer was; `None` for a note alone.
            model: whose answer, where several models answered; without it the last one.
            note: words about it, for `rb.notes()`; in the place of an older note.

        Returns:
            The attempt that was voted on, as it was before.

        Raises:
            UsageError: there is no such request, the model was not asked in it, or the number is out of its range.
            BooksError: the books cannot be written.
        """
        return self._run(outcomes.vote(self.runtime().learning, request_id, good, model=model, note=note))

    def prefer(self, winner: str, loser: str, *, request_id: str | None = None, is_tie: bool = False) -> tuple[Attempt, Attempt]:
        """Say that one answer is better than another; the router learns from it.

        Args:
            winner: the request whose answer is better; with `request_id`, the model.
            loser: the request whose answer is not; with `request_id`, the model.
            request_id: the request that both models answered.
            is_tie: both are as good.

        Returns:
            The two attempts, as they were before.

        Raises as `vote` does.
        """
        return self._run(outcomes.prefer(self.runtime().learning, winner, loser, request_id=request_id, is_tie=is_tie))

    def beliefs(self) -> pd.DataFrame:
        """What was learned, one row for each task and model that have outcomes: `task, model, mean, sd, n, last`; see `docs/learning.md`."""
        from routebook.tables.beliefs import beliefs

        runtime = self.runtime()
        return beliefs(runtime.learning.beliefs, runtime.config)

    def forget(self, *, task: str | None = None, model: str | None = None, everything: bool = False) -> int:
        """Forget what was learned of a task, of a model, of a model at a task, or everything; return how many outcomes that were.

        The attempts, and what was said of them, stay in the frame. A fit goes with everything only: it is not made of outcomes; see `unfit`.

        Raises:
            UsageError: nothing is named, or too much.
            BooksError: the books cannot be written.
        """
        if everything == (task is not None or model is not None):
            raise UsageError("forget takes a task, a model, or both; or everything=True.")
        if everything:
            self.unfit()
        return self._run(self.runtime().learning.forget(task=task, model=model))

    def fit(self, frame: pd.DataFrame, *, models: Sequence[str] | None = None) -> Evaluation:
        """Learn how good each model is for a prompt from prompts with outcomes; `pick = "best"` uses it from then on. See `docs/learning.md`.

        Args:
            frame: `prompt`, a column with outcomes from 0 to 1 for each model, and `MODEL|total_cost` in US dollars where known.
            models: the columns of the models, where others hold numbers too.

        Returns:
            What it is worth: each prompt judged by a fit that had not learned from it.

        Raises:
            UsageError: the frame cannot be learned from.
            BooksError: the books cannot be written.
        """
        return self._run(fitting.fit(self.runtime(), frame, models=models))

    def unfit(self) -> bool:
        """Forget what `fit` learned; return whether there was something."""
        return self._run(fitting.unfit(self.runtime()))

    def evaluate(self, frame: pd.DataFrame, *, models: Sequence[str] | None = None) -> Evaluation:
        """Say what routing is worth on prompts with outcomes that were not fitted: quality kept against cost saved. Frame as in `fit`.

        Raises:
            UsageError: the frame cannot be read, or too few of its prompts are new to the fit.
            BooksError: the books cannot be read.
        """
        return fitting.judge(self.runtime(), frame, models=models)

    def wrong(self, request_id: str, *, task: str | None = None, is_wrong: bool = True) -> Attempt:
        """Say that a request went the wrong way; `routing` counts it. What was learned of the models is not touched.

        Args:
            request_id: of the request.
            task: what it should have been taken for.
            is_wrong: False takes a mark back.

        Raises:
            UsageError: there is no such request or task.
            BooksError: the books cannot be written.
        """
        runtime = self.runtime()
        found = runtime.books.read(lambda connection: attempts_of(connection, request_id))
        if not found:
            raise UsageError(f"The books have no request {request_id!r}. Its ID stands in the column request_id of the frame.")
        self._run(mark_wrong(runtime, found[0], should=task) if is_wrong else unmark_wrong(runtime, request_id))
        return found[0]

    def routing(self) -> pd.DataFrame:
        """How often prompts went the right way, one row a day: `day, requests, wrong, accuracy, low, high` (19 times of 20 between the last two).

        A prompt that nobody marked wrong counts as right, and one that named its model does not count. `rb.charts.routing` draws it.
        """
        from routebook.tables.routing import routing_frame

        zone_s = time.localtime().tm_gmtoff
        return routing_frame(self.runtime().books.read(lambda connection: misroutes.by_day(connection, zone_s=zone_s)))

    def experiments(self) -> list[Standing]:
        """How each of `[experiments]` stands: its models, the best first, and how sure one may be."""
        return standings(self.runtime())
