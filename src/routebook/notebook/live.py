"""A cell while it runs: the engine streams, the main thread drains and shows.

The main thread waits on a queue and hands what has gathered to a view every 50 ms, however many tokens came. An interrupt cancels the
request, waits for its row to be written, and ends the cell with what came so far.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Final, Protocol

from routebook.engine.loop import Job
from routebook.events import Decision, Done, Event, Started, Switched, Waiting
from routebook.messages import Answer, Delta, Plan
from routebook.notebook import wording

TICK_S: Final = 0.05
HEARTBEAT_S: Final = 0.1
"""How often an idle wait looks up: on Windows an interrupt is only noticed between two waits."""
GRACE_S: Final = 2.0
"""How long an interrupted cell waits for its row; usually it takes milliseconds."""


class View(Protocol):
    """Shows a cell while it runs."""

    def open(self, *, cancel: Callable[[], None]) -> None:
        """Show that something is under way; `cancel` may be called from any thread."""

    def show(self, *, head: str | None, state: str | None, delta: str, void: str | None) -> None:
        """Show what has gathered: a new headline, a new state, more text; `void` says why the text before it no longer counts."""

    def close(self, answer: Answer | None) -> None:
        """Show the final form; `None` when there is no answer. Called also when it was never opened."""


class Interrupted(KeyboardInterrupt):
    """The cell was stopped: stops Run All, and says so in one line."""

    def _render_traceback_(self) -> list[str]:
        return [f"Stopped: {self}"]


@dataclass(slots=True)
class _Gathered:
    """What came since it was last shown."""

    plan: Plan | None = None
    head: str | None = None
    state: str | None = None
    void: str | None = None
    text: list[str] = field(default_factory=list)
    is_empty: bool = True

    def add(self, event: Event) -> None:
        self.is_empty = False
        match event:
            case Decision(plan=plan):
                self.plan, self.head = plan, wording.headline(plan)
            case Waiting(model=model, place=place, reason=reason):
                self.state = f"waiting for {model}: " + (f"place {place} in its queue" if place else reason)
            case Started(model=model):
                self.state = f"asking {model}"
                self.head = wording.headline(self.plan, model=model) if self.plan else None
            case Delta(text=text, kind="text"):
                self.state = "answering"
                self.text.append(text)
            case Delta():
                self.state = "thinking"
            case Switched(from_model=gone, to_model=to, reason=reason):
                self.void, self.text = reason, []
                self.state = f"asking {gone} again" if gone == to else f"{gone} did not answer ({reason}); asking {to}"

    def show(self, view: View) -> None:
        view.show(head=self.head, state=self.state, delta="".join(self.text), void=self.void)


def follow(start: Callable[[Callable[[Event], None], Callable[[], None]], Job[Answer]], view: View) -> Answer:
    """Start a request, show it while it runs, and return its answer.

    Raises:
        Interrupted: the stop button, Ctrl-C or Cancel; the partial text stays in the cell.
        RoutebookError: no answer came.
    """
    events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    job = start(events.put, lambda: events.put(None))
    answer: Answer | None = None
    try:
        first = _first(events)
        if first is not None:  # else it ended without a word: an option was wrong
            view.open(cancel=job.cancel)
            answer = _drain(first, events, view)
    except KeyboardInterrupt:
        job.cancel()
        answer = _last_word(events)
        raise Interrupted(_kept(answer)) from None
    finally:
        job.cancel()  # after the end it does nothing; before it, a view failed, and nobody would read on
        view.close(answer)
    try:
        return job.result(GRACE_S)
    except CancelledError:
        raise Interrupted(_kept(answer)) from None


def _first(events: queue.SimpleQueue[Event | None]) -> list[Event] | None:
    """Wait a moment for the first word: none yet, one, or `None` when all is over."""
    try:
        event = events.get(timeout=TICK_S)
    except queue.Empty:
        return []
    return None if event is None else [event]


def _drain(first: list[Event], events: queue.SimpleQueue[Event | None], view: View) -> Answer | None:
    """Show events as they come, at most twenty times a second; return the answer once all is said."""
    gathered, shown_at = _Gathered(), 0.0
    answer: Answer | None = None
    for event in first:
        gathered.add(event)
    while True:
        left_s = TICK_S - (time.monotonic() - shown_at)
        if not gathered.is_empty and left_s <= 0:
            gathered.show(view)
            gathered, shown_at = _Gathered(plan=gathered.plan), time.monotonic()
            continue
        try:
            news = events.get(timeout=HEARTBEAT_S if gathered.is_empty else left_s)
        except queue.Empty:
            continue
        if news is None:
            break
        if isinstance(news, Done):
            answer = news.answer
        else:
            gathered.add(news)
    if not gathered.is_empty:
        gathered.show(view)
    return answer


def _last_word(events: queue.SimpleQueue[Event | None]) -> Answer | None:
    """What a cancelled request still says: its partial answer. A second interrupt waits no longer."""
    until = time.monotonic() + GRACE_S
    answer: Answer | None = None
    try:
        while (event := events.get(timeout=max(0.0, until - time.monotonic()))) is not None:
            if isinstance(event, Done):
                answer = event.answer
    except (queue.Empty, KeyboardInterrupt):
        pass
    return answer


def _kept(answer: Answer | None) -> str:
    if answer is None:
        return "nothing had come yet."
    kept = f"{len(answer.text):,} characters are kept" if answer.text else "nothing had come yet"
    return f"{kept}, cost so far: {wording.dollars(answer.cost_usd)}."
