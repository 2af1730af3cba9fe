"""Background cells: the cell returns at once with a card, and whoever uses the answer waits for it."""

from __future__ import annotations

import asyncio
import contextvars
import datetime as dt
import itertools
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import CancelledError
from typing import Any, Final

from routebook.engine.loop import Job
from routebook.errors import RoutebookError, UsageError
from routebook.messages import Answer
from routebook.notebook.gather import DONE, News
from routebook.notebook.live import ALONE, Drain, PanesView, Start

_numbers = itertools.count(1)
_SHOWN_S: Final = 2.0
"""How long the user of an answer waits for its card."""
_MOST_FINISHED: Final = 100
"""Finished jobs that are listed. Of more the oldest are forgotten whose answer was taken; one that nobody has read yet is never."""


class Background:
    """An answer that may still be on its way: used as an `Answer`, it waits for itself. `await` works too, in any loop."""

    def __init__(self, job: Job[Answer], *, prompt: str) -> None:
        """`job` is under way."""
        self.number = next(_numbers)
        self.prompt = prompt
        self.began = dt.datetime.now().astimezone()
        self.state = "starting"
        self.came = 0
        """Characters that have come."""
        self.is_taken = False
        """Whether somebody has used its answer, or was told why there is none."""
        self._job = job
        self.shown = threading.Event()
        """Its card has its final form."""
        self.show_again: Callable[[], object] = lambda: None
        """Shows the card's final form in the cell that runs now."""

    @property
    def is_done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._job.future.done()

    @property
    def is_cancelled(self) -> bool:
        """Whether it was ended before its answer came."""
        return self._job.future.cancelled()

    def result(self, timeout_s: float | None = None) -> Answer:
        """Wait for the answer.

        Raises:
            TimeoutError: it has not come in so many seconds; it is still under way.
            UsageError: it was cancelled.
            RoutebookError: no answer came.
        """
        try:
            return self._job.result(timeout_s)
        except CancelledError:
            raise UsageError(self._gone()) from None
        finally:
            if self.is_done:
                self.is_taken = True
                self._show_once()

    def _show_once(self) -> None:
        """Bring the card up to date, once: the thread that watches the job is not heard everywhere."""
        if threading.current_thread() is threading.main_thread() and self.shown.wait(_SHOWN_S):
            self.show_again()
            self.show_again = lambda: None

    def cancel(self) -> None:
        """End it; what it cost so far is in the books."""
        self._job.cancel()

    def add_done_callback(self, tell: Callable[[Background], object]) -> None:
        """Call `tell` with this job when it has ended, on another thread; at once when it has ended already."""
        self._job.future.add_done_callback(lambda _future: tell(self))

    def __await__(self) -> Generator[Any, None, Answer]:
        """The answer, for code with `await`; raises as `result` does."""
        return self._wait().__await__()

    async def _wait(self) -> Answer:
        try:
            answer = await asyncio.shield(asyncio.wrap_future(self._job.future))
            self.is_taken = True
            return answer  # noqa: TRY300  what is awaited is what may fail
        except asyncio.CancelledError:
            if self._job.future.cancelled():
                raise UsageError(self._gone()) from None
            raise

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever an answer has
        """What the answer has, once it is there. Names that begin with `_` are asked by inspectors and do not wait."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.result(), name)

    def __str__(self) -> str:
        """The answer's text, once it is there: `{{name}}` in another cell waits for it."""
        return self.result().text

    def __repr__(self) -> str:
        """What is known now; it never waits."""
        return f"<job {self.number}: {self.said}>"

    @property
    def said(self) -> str:
        """Its state in a few words."""
        if not self.is_done:
            return f"{self.state}, {self.came:,} characters so far" if self.came else self.state
        future = self._job.future
        if future.cancelled():
            return "cancelled"
        return f"failed: {future.exception()}" if future.exception() else f"done, {len(future.result().text):,} characters"

    def _gone(self) -> str:
        return f"Job {self.number} was cancelled. What it cost is in the books; run its cell again for an answer."


class Jobs:
    """The background cells of a session."""

    def __init__(self) -> None:
        """None yet."""
        self._all: dict[int, Background] = {}

    def start(self, start: Start, view: PanesView, *, prompt: str, on_answer: Callable[[Answer], object]) -> Background:
        """Start a request, show its card, and return at once; `on_answer` is called on another thread with the answer."""
        drain = Drain([ALONE])
        job = start(*drain.ears(ALONE))
        background = Background(job, prompt=prompt)
        background.show_again = getattr(view, "show_again", background.show_again)
        card = _Card(view, background)

        def follow() -> None:
            try:
                drain.run(card)
                drain.ended.take({ALONE: job})
            finally:
                view.close(drain.ended.answers, drain.ended.failures)
                background.shown.set()
            if ALONE in drain.ended.answers and ALONE not in drain.ended.cancelled:
                on_answer(drain.ended.answers[ALONE])

        context = contextvars.copy_context()  # what is shown belongs to this cell's output, also while others run
        following = threading.Thread(target=context.run, args=(follow,), name=f"routebook-job-{background.number}", daemon=True)
        try:
            view.open(cancel=lambda _pane: job.cancel())
            self._all[background.number] = background
            following.start()
        except BaseException:  # interrupted before anything could be heard of it
            job.cancel()
            self._all.pop(background.number, None)
            view.close({}, {})
            raise
        self._forget()
        return background

    def all(self) -> list[Background]:
        """In the order they were started."""
        return list(self._all.values())

    def find(self, number: str) -> Background:
        """A job by its number.

        Raises:
            UsageError: there is none.
        """
        found = self._all.get(int(number)) if number.isdecimal() else None
        if found is None:
            there = ", ".join(map(str, self._all)) or "none"
            raise UsageError(f"There is no job {number!r}; there is: {there}. %route jobs lists them.")
        return found

    def _forget(self) -> None:
        finished = [job.number for job in self._all.values() if job.is_done and (job.is_taken or job.is_cancelled)]
        for number in finished[: max(0, len(finished) - _MOST_FINISHED)]:
            del self._all[number]


class _Card:
    """A view that also writes down how far the job has come."""

    def __init__(self, view: PanesView, background: Background) -> None:
        self.view, self.background = view, background

    def open(self, *, cancel: Callable[[str], None]) -> None:
        """It is open already."""

    def show(self, news: Mapping[str, News]) -> None:
        piece = news[ALONE]
        if piece.state is not None and piece.state != DONE:
            self.background.state = piece.state
        self.background.came = (0 if piece.void is not None else self.background.came) + len(piece.delta)
        self.view.show(news)

    def close(self, answers: Mapping[str, Answer], failures: Mapping[str, RoutebookError]) -> None:
        self.view.close(answers, failures)
