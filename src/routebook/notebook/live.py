"""A cell while it runs: the engine streams, the main thread drains and shows.

The main thread waits on a queue and hands what has gathered to a view every 50 ms, however many tokens came and in however many panes.
An interrupt cancels the requests, waits for their rows to be written, and ends the cell with what came so far.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError
from functools import partial
from typing import Final, Protocol

from routebook.engine.loop import Job
from routebook.errors import RoutebookError
from routebook.events import Done, Event
from routebook.messages import Answer
from routebook.notebook import wording
from routebook.notebook.gather import Gathered, News
from routebook.notebook.stages import Stage

TICK_S: Final = 0.05
MANY: Final = 4
"""Above so many panes it is shown half as often: nobody reads more of them at once, and each time costs the page all that moves in it."""
HEARTBEAT_S: Final = 0.1
"""How often an idle wait looks up: on Windows an interrupt is only noticed between two waits."""
GRACE_S: Final = 2.0
"""How long an interrupted cell waits for its rows; usually it takes milliseconds."""
ALONE: Final = ""
"""The pane of a cell that has only one."""

Start = Callable[[Callable[[Event], None], Callable[[], None]], Job[Answer]]
"""Starts a request; it is given what to call with each event, and what to call at the end."""


class View(Protocol):
    """Shows a cell of one request while it runs."""

    def open(self, *, cancel: Callable[[], None]) -> None:
        """Show that something is under way; `cancel` may be called from any thread."""

    def show(self, *, head: str | None, state: str | None, delta: str, void: str | None) -> None:
        """Show what has gathered: a new headline, a new state, more text; `void` says why the text before it no longer counts."""

    def steps(self, stages: Sequence[Stage]) -> None:
        """Show the steps of a pipeline so far, in place of those shown before."""

    def close(self, answer: Answer | None) -> None:
        """Show the final form; `None` when there is no answer. Called also when it was never opened."""


class PanesView(Protocol):
    """Shows several requests side by side while they run."""

    def open(self, *, cancel: Callable[[str], None]) -> None:
        """Show that something is under way; `cancel` ends one pane, from any thread."""

    def show(self, news: Mapping[str, News]) -> None:
        """Show what is new, by pane."""

    def close(self, answers: Mapping[str, Answer], failures: Mapping[str, RoutebookError]) -> None:
        """Show the final form. Called also when it was never opened."""


class Interrupted(KeyboardInterrupt):
    """The cell was stopped: stops Run All, and says so in one line."""

    def _render_traceback_(self) -> list[str]:
        return [f"Stopped: {self}"]


def follow(start: Start, view: View, *, between: Callable[[], object] = lambda: None) -> Answer:
    """Start a request, show it while it runs, and return its answer; `between` is called now and then meanwhile, on this thread.

    Raises:
        Interrupted: the stop button, Ctrl-C or Cancel; the partial text stays in the cell.
        RoutebookError: no answer came.
    """
    ended = follow_all({ALONE: start}, _OnePane(view), between=between)
    if failure := ended.failures.get(ALONE):
        raise failure
    if ALONE in ended.cancelled:
        raise Interrupted(_kept(ended.answers))
    return ended.answers[ALONE]


class Ended:
    """How all requests of a cell ended."""

    def __init__(self) -> None:
        """Nothing has ended."""
        self.answers: dict[str, Answer] = {}
        """By pane; what came of a cancelled request too."""
        self.failures: dict[str, RoutebookError] = {}
        self.cancelled: set[str] = set()

    def take(self, jobs: Mapping[str, Job[Answer]]) -> None:
        """Add how each job came to its end."""
        for pane, job in jobs.items():
            try:
                self.answers[pane] = job.result(GRACE_S)
            except CancelledError:
                self.cancelled.add(pane)
            except RoutebookError as error:
                self.failures[pane] = error

    def take_done(self, jobs: Mapping[str, Job[Answer]]) -> None:
        """Add the answers of jobs that have ended well, whose last word an interrupt may have kept from being heard."""
        for pane, job in jobs.items():
            future = job.future
            if pane not in self.answers and future.done() and not future.cancelled() and future.exception() is None:
                self.answers[pane] = future.result()


def follow_all(starts: Mapping[str, Start], view: PanesView, *, between: Callable[[], object] = lambda: None) -> Ended:
    """Start requests together, show each in its pane, and return how they ended; a pane that was cancelled ends alone.

    Raises:
        Interrupted: the stop button or Ctrl-C ended all of them.
    """
    drain = Drain(starts)
    jobs: dict[str, Job[Answer]] = {}
    try:
        for pane, start in starts.items():
            jobs[pane] = start(*drain.ears(pane))
        if drain.has_begun():
            view.open(cancel=lambda pane: jobs[pane].cancel())
            drain.run(view, between=between)
        drain.ended.take(jobs)
    except KeyboardInterrupt:
        for job in jobs.values():
            job.cancel()
        drain.last_words()
        drain.ended.take_done(jobs)
        raise Interrupted(_kept(drain.ended.answers)) from None
    finally:
        for job in jobs.values():
            job.cancel()  # after the end it does nothing; before it, a view failed, and nobody would read on
        _close(view, drain.ended)
    return drain.ended


def _close(view: PanesView, ended: Ended) -> None:
    """Show the final form, all of it: an interrupt meanwhile would leave a half of it, with buttons that nobody hears."""
    try:
        view.close(ended.answers, ended.failures)
    except KeyboardInterrupt:
        view.close(ended.answers, ended.failures)
        raise Interrupted(_kept(ended.answers)) from None


class Drain:
    """Reads what requests say, on the thread that shows it."""

    def __init__(self, panes: Iterable[str]) -> None:
        """One request for each pane."""
        self.ended = Ended()
        self._events: queue.SimpleQueue[tuple[str, Event | None]] = queue.SimpleQueue()
        self._gathered = {pane: Gathered() for pane in panes}
        self._tick_s = TICK_S if len(self._gathered) <= MANY else 2 * TICK_S
        self._left = self._unheard = len(self._gathered)
        """Requests whose end was not taken in yet, and those that have not ended."""
        self._over = threading.Event()
        """All have ended."""

    def ears(self, pane: str) -> tuple[Callable[[Event], None], Callable[[], None]]:
        """What a pane's request calls with each event, and at its end."""
        return partial(self._hear, pane), partial(self._hear, pane, None)

    def _hear(self, pane: str, event: Event | None) -> None:
        self._events.put((pane, event))
        if event is None:
            self._unheard -= 1  # all of them are called on the engine's one thread
            if not self._unheard:
                self._over.set()

    def has_begun(self) -> bool:
        """Wait a moment for the first word; false when all ended without one: an option was wrong, and there is nothing to show."""
        until = time.monotonic() + TICK_S
        while self._left and not self._is_new:
            try:
                self._take(max(0.0, until - time.monotonic()))
            except queue.Empty:
                return True
        return self._is_new

    def run(self, view: PanesView, *, between: Callable[[], object] = lambda: None) -> None:
        """Show events as they come, at most twenty times a second, until all have ended.

        Between two times it sleeps through all but the last end: to be woken by every token costs more than all else that is done with it.
        """
        shown_at = 0.0
        while self._left:
            between()
            if not self._is_new:
                self._wait_for_one()
            if self._is_new:
                self._over.wait(self._tick_s - (time.monotonic() - shown_at))
                self._take_all()
                self._show(view)
                shown_at = time.monotonic()
        if self._is_new:
            self._show(view)

    def last_words(self) -> None:
        """What cancelled requests still say: their partial answers. A second interrupt waits no longer."""
        until = time.monotonic() + GRACE_S
        try:
            while self._left:
                self._take(max(0.0, until - time.monotonic()))
        except (queue.Empty, KeyboardInterrupt):
            pass

    @property
    def _is_new(self) -> bool:
        return any(not gathered.is_empty for gathered in self._gathered.values())

    def _wait_for_one(self) -> None:
        with contextlib.suppress(queue.Empty):
            self._take(HEARTBEAT_S)

    def _take_all(self) -> None:
        """What has gathered; of a producer that never pauses, as much as there is time for."""
        until = time.monotonic() + TICK_S
        with contextlib.suppress(queue.Empty):
            while time.monotonic() < until:
                self._take(0.0)

    def _take(self, timeout_s: float) -> None:
        pane, event = self._events.get(block=timeout_s > 0, timeout=timeout_s)
        if event is None:
            self._left -= 1
        elif isinstance(event, Done):
            self.ended.answers[pane] = event.answer
            if len(self._gathered) > 1:  # the others go on
                self._gathered[pane].end()
        else:
            self._gathered[pane].add(event)

    def _show(self, view: PanesView) -> None:
        view.show({pane: gathered.take() for pane, gathered in self._gathered.items() if not gathered.is_empty})


class _OnePane:
    """A view of one request as a view of panes."""

    def __init__(self, view: View) -> None:
        self.view = view

    def open(self, *, cancel: Callable[[str], None]) -> None:
        self.view.open(cancel=partial(cancel, ALONE))

    def show(self, news: Mapping[str, News]) -> None:
        piece = news[ALONE]
        if piece.stages is not None:
            self.view.steps(piece.stages)
        self.view.show(head=piece.head, state=piece.state, delta=piece.delta, void=piece.void)

    def close(self, answers: Mapping[str, Answer], _failures: Mapping[str, RoutebookError]) -> None:
        self.view.close(answers.get(ALONE))


def _kept(answers: Mapping[str, Answer]) -> str:
    if not answers:
        return "nothing had come yet."
    characters = sum(len(answer.text) for answer in answers.values())
    kept = f"{characters:,} characters are kept" if characters else "nothing had come yet"
    return f"{kept}, cost so far: {wording.dollars(wording.total_usd(answers.values()))}."
