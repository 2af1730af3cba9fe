"""The live board: reckoned anew when something has changed, at most twice a second, and shown in the place of what was there."""

from __future__ import annotations

import contextlib
import contextvars
import datetime as dt
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from routebook.books.books import local_now
from routebook.books.budgets import hour, period_start
from routebook.books.recent import FILTERS, REACH, offered, recent, spent_by_tier, state_of
from routebook.engine.router import Router
from routebook.engine.survey import Status
from routebook.engine.survey import status as survey_status
from routebook.errors import BooksError, UsageError
from routebook.near import did_you_mean
from routebook.notebook.here import router_here, session_here
from routebook.notebook.page import Bundle
from routebook.notebook.panels.board_filters import SINCE, TIMES, BoardFilters
from routebook.notebook.panels.board_page import board_page
from routebook.tables.board import figures, with_tiers

TICK_S: Final = 0.5
BEAT_S: Final = 20.0
"""Without any change it is drawn so often, because minutes pass."""


class Board:
    """What happens, and what it costs, while it happens: in a notebook it shows itself when it is the last thing of a cell.

        rb.Board(since=dt.timedelta(hours=1), task="bug_fix")

    Above it stand its filters, where somebody is there to use them. It ends with `stop()`, with the kernel, or when another board is opened; what it
    showed last stays in the notebook.
    """

    def __init__(
        self, router: Router | None = None, *, since: dt.timedelta | None = None, notebook: str | None = None, task: str | None = None,
        model: str | None = None, agent: str | None = None,
    ) -> None:  # fmt: skip
        """Without `since` it begins at midnight; the other words keep what belongs to one notebook, task, model or agent."""
        self.router = router if router is not None else router_here()
        named = {"notebook": notebook, "task": task, "model": model, "agent": agent}
        self.chosen: Mapping[str, str] = {name: value for name, value in named.items() if value is not None}
        """What it shows of: the filters that are set."""
        self.since = since
        self._end = threading.Event()
        self._news = threading.Event()
        """Set when something was chosen, and at the end: who waits need not wait on."""
        self._thread: threading.Thread | None = None
        self._show: Callable[[Bundle], object] = lambda _page: None
        self._filters: BoardFilters | None = None

    # ---- what it shows

    def page(self, *, is_live: bool = False) -> Bundle:
        """The board as it is now, as HTML and text."""
        now, chosen = local_now(), self.chosen
        began = now - self.since if self.since is not None else period_start("daily", now)
        runtime = self.router.runtime()
        rows, is_cut = runtime.books.read(lambda connection: recent(connection, since=_micro(began), only=chosen))
        found = figures(rows, now=_micro(now))
        if is_cut and not chosen:  # of money there is no newest part: all of it counts
            found = with_tiers(found, runtime.books.read(lambda connection: spent_by_tier(connection, since=hour(began))))
        status: Status = survey_status(runtime, notebook=chosen.get("notebook"))
        return board_page(found, status, title=_title(began, chosen, len(rows) if is_cut else None), is_live=is_live, now=now)

    def choose(self, name: str, value: str | dt.timedelta | None) -> None:
        """Set a filter (`notebook`, `task`, `model`, `agent`, or `since` as a time); nothing takes it away. A live board shows it at once.

        Raises:
            UsageError: there is no such filter.
        """
        if name == SINCE:
            if isinstance(value, str) and value and value not in TIMES:
                raise UsageError(f"{value!r} is no time of the board. It takes a timedelta, or one of {', '.join(TIMES)}.")
            self.since = value if isinstance(value, dt.timedelta) else TIMES.get(value or "")
        elif name in FILTERS:
            rest = {other: kept for other, kept in self.chosen.items() if other != name}
            self.chosen = {**rest, name: str(value)} if value else rest
        else:
            raise UsageError(f"There is no filter {name!r}. {did_you_mean(name, (SINCE, *FILTERS))}")
        self._news.set()

    # ---- life

    def show(self) -> None:
        """Show it in the running cell and keep it up to date, without keeping the cell."""
        from IPython.display import display

        session = session_here()
        if session is not None:
            if session.board not in (None, self):
                session.board.stop()
            session.board = self
        if session is not None and session.has_page and session.is_interactive:
            self._filters = BoardFilters(choose=self.choose, stop=self._leave)
            self._tell_filters()
        try:
            if self._filters is not None:
                self._filters.show()
            handle: Any = display(self.page(is_live=True), raw=True, display_id=True)
            self.follow(lambda page: handle.update(page, raw=True))
        except BaseException:  # interrupted, or the books cannot be read: no filters of a board that is not there
            self.stop()
            raise

    def follow(self, show: Callable[[Bundle], object]) -> None:
        """Call `show` with the page, on a thread of its own, whenever something has changed; once more at the end."""
        self._finish()
        self._end, self._show = threading.Event(), show
        context = contextvars.copy_context()  # what is shown belongs to this cell's output, also while others run
        self._thread = threading.Thread(target=context.run, args=(self._run, show, self._end), name="routebook-board", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Show it once more, and leave it so."""
        self._finish()
        filters, self._filters = self._filters, None
        if filters is not None:
            filters.close()

    def _finish(self) -> None:
        self._end.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            with contextlib.suppress(BooksError):
                self._show(self.page())  # not on that thread: a program that runs notebooks hears only the cell that runs

    def _leave(self) -> None:
        """Stop, as a person asked in the page: a widget cannot close itself while it is being heard."""
        threading.Thread(target=contextvars.copy_context().run, args=(self.stop,), name="routebook-board-end", daemon=True).start()

    def _ipython_display_(self) -> None:
        self.show()

    def _run(self, show: Callable[[Bundle], object], end: threading.Event) -> None:
        seen: object = None
        shown_at = 0.0
        with contextlib.suppress(BooksError):  # closed or locked books: what was shown last stays
            while not end.is_set():
                self._news.wait(TICK_S)
                self._news.clear()
                state = self._state()
                if not end.is_set() and (state != seen or time.monotonic() - shown_at >= BEAT_S):
                    show(self.page(is_live=True))
                    self._tell_filters()
                    seen, shown_at = state, time.monotonic()

    def _state(self) -> object:
        """Something that changes when the board would."""
        runtime = self.router.runtime()
        busy = [(name, state.in_flight, state.queued) for name, state in list(runtime.known.states.items())]
        return runtime.books.read(state_of), busy, self.chosen, self.since, self._filters and self._filters.heard

    def _tell_filters(self) -> None:
        if self._filters is not None:
            heard = self._filters.heard  # before what was chosen, which is never older
            since = next((text for text, span in TIMES.items() if span == self.since), "" if self.since is None else f"{self.since}")
            self._filters.offer(self.router.runtime().books.read(offered), self.chosen, since=since, heard=heard)


def _title(began: dt.datetime, chosen: Mapping[str, str], cut_at: int | None) -> str:
    """From when on, which filters are set, and of how many attempts."""
    since = f"since {began:%H:%M}" if began.date() == local_now().date() else f"since {began:%a %d %b %H:%M}"
    only = [f"only {', '.join(f'{name} {value}' for name, value in chosen.items())}"] if chosen else []
    cut = (
        [f"the newest {cut_at:,} attempts" if not chosen else f"{cut_at:,} of the newest {REACH:,} attempts"] if cut_at is not None else []
    )
    return " · ".join([since, *only, *cut])


def _micro(time: dt.datetime) -> int:
    return round(time.timestamp() * 1e6)
