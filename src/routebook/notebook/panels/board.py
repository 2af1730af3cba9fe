"""The live board: reckoned anew when something has changed, at most twice a second, and shown in the place of what was there."""

from __future__ import annotations

import contextlib
import contextvars
import datetime as dt
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from routebook.books.books import local_now
from routebook.books.budgets import hour, period_start
from routebook.books.recent import recent, spent_by_tier, state_of
from routebook.engine.router import Router
from routebook.engine.survey import Status
from routebook.engine.survey import status as survey_status
from routebook.errors import BooksError
from routebook.notebook.page import Bundle
from routebook.notebook.panels.board_page import board_page
from routebook.tables.board import figures, with_tiers

TICK_S: Final = 0.5
BEAT_S: Final = 20.0
"""Without any change it is drawn so often, because minutes pass."""


class Board:
    """What happens, and what it costs, while it happens: in a notebook it shows itself when it is the last thing of a cell.

        rb.Board(since=dt.timedelta(hours=1), task="bug_fix")

    It ends with `stop()`, with the kernel, or when another board is opened; what it showed last stays in the notebook.
    """

    def __init__(
        self, router: Router | None = None, *, since: dt.timedelta | None = None, notebook: str | None = None, task: str | None = None,
        model: str | None = None, agent: str | None = None,
    ) -> None:  # fmt: skip
        """Without `since` it begins at midnight; the other words keep what belongs to one notebook, task, model or agent."""
        self.router = router if router is not None else Router()
        self._since = since
        named = {"notebook": notebook, "task": task, "model": model, "agent": agent}
        self._only: Mapping[str, str] = {name: value for name, value in named.items() if value is not None}
        self._notebook = notebook
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._show: Callable[[Bundle], object] = lambda _page: None

    def page(self, *, is_live: bool = False) -> Bundle:
        """The board as it is now, as HTML and text."""
        now = local_now()
        began = now - self._since if self._since is not None else period_start("daily", now)
        runtime = self.router.runtime()
        rows, is_cut = runtime.books.read(lambda connection: recent(connection, since=_micro(began), only=self._only))
        found = figures(rows, now=_micro(now))
        if is_cut and not self._only:  # of money there is no newest part: all of it counts
            found = with_tiers(found, runtime.books.read(lambda connection: spent_by_tier(connection, since=hour(began))))
        status: Status = survey_status(runtime, notebook=self._notebook)
        return board_page(
            figures(rows, now=_micro(now)), status, title=self._title(began, len(rows) if is_cut else None), is_live=is_live, now=now
        )

    def show(self) -> None:
        """Show it in the running cell and keep it up to date, without keeping the cell."""
        from IPython.display import display

        handle: Any = display(self.page(is_live=True), raw=True, display_id=True)
        self.follow(lambda page: handle.update(page, raw=True))

    def follow(self, show: Callable[[Bundle], object]) -> None:
        """Call `show` with the page, on a thread of its own, whenever something has changed; once more at the end."""
        self.stop()
        self._end, self._show = threading.Event(), show
        context = contextvars.copy_context()  # what is shown belongs to this cell's output, also while others run
        self._thread = threading.Thread(target=context.run, args=(self._run, show, self._end), name="routebook-board", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Show it once more, and leave it so."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            with contextlib.suppress(BooksError):
                self._show(self.page())  # not on that thread: a program that runs notebooks hears only the cell that runs

    def _ipython_display_(self) -> None:
        self.show()

    def _run(self, show: Callable[[Bundle], object], end: threading.Event) -> None:
        seen: object = None
        waited_s = 0.0
        with contextlib.suppress(BooksError):  # closed or locked books: what was shown last stays
            while not end.wait(TICK_S):
                state = self._state()
                waited_s += TICK_S
                if state != seen or waited_s >= BEAT_S:
                    show(self.page(is_live=True))
                    seen, waited_s = state, 0.0

    def _state(self) -> object:
        """Something that changes when the board would."""
        runtime = self.router.runtime()
        busy = [(name, state.in_flight, state.queued) for name, state in list(runtime.known.states.items())]
        return runtime.books.read(state_of), busy

    def _title(self, began: dt.datetime, cut_at: int | None) -> str:
        since = f"since {began:%H:%M}" if began.date() == local_now().date() else f"since {began:%a %d %b %H:%M}"
        only = [f"{name} {value}" for name, value in self._only.items()]
        cut = [f"the newest {cut_at:,} attempts"] if cut_at is not None else []
        return " · ".join([since, *only, *cut])


def _micro(time: dt.datetime) -> int:
    return round(time.timestamp() * 1e6)
