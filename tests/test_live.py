"""A cell while it runs: what is shown when, and what an interrupt leaves."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any

import pytest
from making import attempt
from served import until, wait_until
from test_page import answer, plan

from routebook.engine.loop import Job, engine_loop
from routebook.errors import NoCandidate, UsageError
from routebook.events import Decision, Done, Event, Started, Switched, Waiting
from routebook.messages import Answer, Delta
from routebook.notebook.live import TICK_S, Interrupted, follow
from routebook.notebook.stages import Stage

Emit = Callable[[Event], None]
Work = Callable[[Emit], Coroutine[Any, Any, Answer]]


class Log:
    """A view that writes down what it is told, and when."""

    def __init__(self, *, slow_s: float = 0.0, failure: Exception | None = None) -> None:
        """`slow_s` is how long showing takes, `failure` what comes of it."""
        self.shown: list[tuple[float, dict[str, str | None]]] = []
        self.closed: list[Answer | None] = []
        self.slow_s, self.failure = slow_s, failure
        self.has_text = threading.Event()
        self.cancel: Callable[[], None] = lambda: None
        self.opened_at = 0.0

    def open(self, *, cancel: Callable[[], None]) -> None:
        """Keep the button."""
        self.cancel, self.opened_at = cancel, time.monotonic()

    def show(self, *, head: str | None, state: str | None, delta: str, void: str | None) -> None:
        """Write it down."""
        self.shown.append((time.monotonic(), {"head": head, "state": state, "delta": delta, "void": void}))
        if delta:
            self.has_text.set()
        if self.failure:
            raise self.failure
        time.sleep(self.slow_s)

    def steps(self, stages: Sequence[Stage]) -> None:
        """None of these answers has steps."""
        raise AssertionError(stages)

    def close(self, answer: Answer | None) -> None:
        """Write it down."""
        self.closed.append(answer)

    @property
    def text(self) -> str:
        """All text shown."""
        return "".join(told["delta"] or "" for _, told in self.shown)

    def told(self, key: str) -> list[str]:
        """All that was told of one kind."""
        return [value for _, told in self.shown if (value := told[key])]


def start(work: Work) -> Callable[[Emit, Callable[[], None]], Job[Answer]]:
    """Start a piece of work on the real engine loop, as the router does."""
    return lambda emit, on_end: engine_loop().start(work(emit), on_end=on_end)


def press_when(is_so: Callable[[], object], press: Callable[[], object] = lambda: os.kill(os.getpid(), signal.SIGINT)) -> None:
    """Send this process what the stop button sends, or press another one, as soon as something is so; on a thread of its own."""

    def wait() -> None:
        wait_until(is_so)
        press()

    threading.Thread(target=wait).start()


async def whole(emit: Emit) -> Answer:
    """An answer in three pieces."""
    emit(Decision(plan=plan()))
    emit(Started(model="small", attempt=1))
    for piece in ("one ", "two ", "three"):
        emit(Delta(text=piece))
        await asyncio.sleep(0.01)
    emit(Done(answer=answer()))
    return answer()


async def endless(emit: Emit) -> Answer:
    """An answer that only an interrupt ends, and that takes its time to write its row, as the books do."""
    emit(Decision(plan=plan()))
    try:
        while True:
            emit(Delta(text="x"))
            await asyncio.sleep(0.005)
    finally:
        await asyncio.shield(asyncio.sleep(0.05))
        emit(Done(answer=answer(text="xxx", finish_reason="cancelled", attempts=(attempt(cost_usd=Decimal("0.002")),))))


def test_an_answer_is_shown_as_it_comes_and_returned() -> None:
    """The whole point."""
    view = Log()
    assert follow(start(whole), view) == answer()
    assert view.text == "one two three"
    assert view.closed == [answer()]
    assert view.told("head")[0].endswith("small · 2 more behind it")


def test_the_header_is_shown_at_once() -> None:
    """Nothing waits for a tick that has not been used."""
    view = Log()

    async def silent(emit: Emit) -> Answer:
        emit(Decision(plan=plan()))
        await until(lambda: view.shown)
        return await whole(emit)

    follow(start(silent), view)
    assert view.shown[0][1]["head"]


def test_a_fast_answer_is_shown_twenty_times_a_second_at_most() -> None:
    """JupyterLab's server drops messages that come too fast, and ten cells may stream at once."""
    view = Log()

    async def flood(emit: Emit) -> Answer:
        most = time.monotonic() + 20
        while len(view.shown) < 6 and time.monotonic() < most:  # a producer that never pauses does not keep the page waiting
            for _ in range(200):
                emit(Delta(text="x"))
            await asyncio.sleep(0.001)
        emit(Done(answer=answer()))
        return answer()

    follow(start(flood), view)
    times = [at for at, _ in view.shown]
    gaps = [after - before for before, after in itertools.pairwise(times[:-1])]  # the last shows what is left, at once
    assert len(times) >= 6
    assert min(gaps) >= TICK_S * 0.99
    assert len(view.text) % 200 == 0


def test_a_producer_that_never_pauses_does_not_starve_the_page() -> None:
    """The queue is never empty then; the clock decides."""
    view = Log()

    def begin(emit: Emit, on_end: Callable[[], None]) -> Job[Answer]:
        for _ in range(100_000):
            emit(Delta(text="x"))
        return start(whole)(emit, on_end)

    follow(begin, view)
    assert len(view.shown) > 2
    assert len(view.text) == 100_000 + len("one two three")


def test_a_slow_view_delays_nothing_but_itself() -> None:
    """A browser over a slow line gets fewer, larger pieces."""
    view = Log(slow_s=0.2)
    assert follow(start(whole), view) == answer()
    assert view.text == "one two three"
    assert len(view.shown) <= 3


def test_void_text_is_told_and_not_sent() -> None:
    """After a switch the answer begins anew; what had not been shown yet never is."""
    view = Log()

    async def switch(emit: Emit) -> Answer:
        emit(Decision(plan=plan()))
        emit(Delta(text="shown "))
        await asyncio.to_thread(view.has_text.wait, 5)
        emit(Delta(text="never shown"))
        emit(Switched(from_model="small", to_model="dear", reason="it broke"))
        emit(Started(model="dear", attempt=2))
        emit(Delta(text="new"))
        emit(Done(answer=answer()))
        return answer()

    follow(start(switch), view)
    assert view.text == "shown new"
    assert view.told("void") == ["it broke"]
    assert view.told("head")[-1].endswith("dear · 1 more behind it")


def test_every_state_can_be_seen() -> None:
    """Waiting, asking, thinking, answering, switching: a still page looks broken."""
    view = Log()

    async def states(emit: Emit) -> Answer:
        emit(Decision(plan=plan()))
        events = (
            Waiting(model="small", place=2, reason="its places are taken"),
            Waiting(model="small", place=0, reason="it cools down for 9 s"),
            Started(model="small", attempt=1),
            Delta(text="hm", kind="thinking"),
            Delta(text="x"),
            Switched(from_model="small", to_model="small", reason="it broke"),
            Switched(from_model="small", to_model="dear", reason="it broke"),
        )
        for number, event in enumerate(events, 1):
            emit(event)
            await until(lambda number=number: len(view.told("state")) == number)
        emit(Done(answer=answer()))
        return answer()

    follow(start(states), view)
    assert view.told("state") == [
        "waiting for small: place 2 in its queue", "waiting for small: it cools down for 9 s", "asking small", "thinking", "answering",
        "asking small again", "small did not answer (it broke); asking dear",
    ]  # fmt: skip
    assert "hm" not in view.text


def test_the_stop_button_ends_the_cell_and_keeps_what_came() -> None:
    """One line, no traceback wall, and still an interrupt to whoever runs the notebook."""
    view = Log()
    press_when(view.has_text.is_set)
    started = time.monotonic()
    with pytest.raises(Interrupted) as caught:
        follow(start(endless), view)
    assert time.monotonic() - started < 10
    assert isinstance(caught.value, KeyboardInterrupt)
    assert caught.value._render_traceback_() == ["Stopped: 3 characters are kept, cost so far: $0.002."]
    assert [kept.text for kept in view.closed if kept] == ["xxx"]


def test_the_cancel_button_ends_the_cell_in_the_same_way() -> None:
    """It is called on another thread."""
    view = Log()
    press_when(view.has_text.is_set, lambda: view.cancel())  # noqa: PLW0108  the button is there once the view is open
    with pytest.raises(Interrupted, match="3 characters are kept"):
        follow(start(endless), view)
    assert [kept.text for kept in view.closed if kept] == ["xxx"]


def test_a_second_interrupt_waits_no_longer() -> None:
    """People press the button twice."""
    view, ending_at = Log(), list[float]()

    async def stubborn(emit: Emit) -> Answer:
        emit(Decision(plan=plan()))
        try:
            await asyncio.sleep(60)
        finally:
            ending_at.append(time.monotonic())
            await asyncio.sleep(15)
        return answer()

    press_when(lambda: view.opened_at)
    press_when(lambda: ending_at and time.monotonic() > ending_at[0] + 0.3)  # as quick as a hand
    started = time.monotonic()
    with pytest.raises(Interrupted, match="nothing had come yet"):
        follow(start(stubborn), view)
    assert time.monotonic() - started < 10


def test_an_interrupt_before_anything_came_says_so() -> None:
    """There is no answer, no cost, and no failure either."""

    async def silent(emit: Emit) -> Answer:
        emit(Decision(plan=plan()))
        await asyncio.sleep(60)
        return answer()

    view = Log()
    press_when(lambda: view.opened_at)
    with pytest.raises(Interrupted, match="nothing had come yet"):
        follow(start(silent), view)
    assert view.closed == [None]


def test_a_failure_is_raised_once_the_view_is_closed() -> None:
    """An error is an error, never a text in the cell."""

    async def fails(emit: Emit) -> Answer:
        emit(Decision(plan=plan()))
        raise NoCandidate(plan())

    view = Log()
    with pytest.raises(NoCandidate):
        follow(start(fails), view)
    assert view.closed == [None]


def test_a_view_that_fails_ends_the_request() -> None:
    """Nobody would read on, and the answer would be paid for."""
    ended = threading.Event()

    async def noted(emit: Emit) -> Answer:
        try:
            return await endless(emit)
        finally:
            ended.set()

    with pytest.raises(OSError, match="the page is gone"):
        follow(start(noted), Log(failure=OSError("the page is gone")))
    assert ended.wait(20)


def test_a_request_refused_at_once_shows_nothing() -> None:
    """A wrong option is an error line, without an empty card above it."""

    async def refused(_emit: Emit) -> Answer:
        raise UsageError("There is no model 'x'.")

    view = Log()
    with pytest.raises(UsageError):
        follow(start(refused), view)
    assert view.opened_at == 0
    assert view.shown == []


def test_a_slow_beginning_shows_the_card_all_the_same() -> None:
    """While providers are asked what they have; there is a button to press."""
    view = Log()

    async def late(emit: Emit) -> Answer:
        await until(lambda: view.opened_at)
        return await whole(emit)

    follow(start(late), view)
    assert view.text == "one two three"
