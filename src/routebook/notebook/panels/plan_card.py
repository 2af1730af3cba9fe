"""`rb.PlanCard(prompt)` and `%%route --dry`: what a prompt would be sent to and what that would take, and a button that sends it."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, Unpack

from routebook.errors import RoutebookError, UsageError
from routebook.messages import Answer, Overrides, Plan
from routebook.notebook.controls import NOTHING, Controls, static
from routebook.notebook.here import router_here, session_here
from routebook.notebook.interpolate import interpolate, used
from routebook.notebook.live import ALONE, Drain, PanesView
from routebook.notebook.page import Bundle
from routebook.notebook.panels import stage
from routebook.notebook.panels.card import last_page
from routebook.notebook.panels.plan_card_page import plan_card_page
from routebook.notebook.terminal import TerminalPanes
from routebook.notebook.widget import PanesWidget

if TYPE_CHECKING:
    from routebook.engine.loop import Job
    from routebook.engine.router import Router

_CLOSE_S: Final = 2.0


class PlanCard:
    """A plan before the money is spent; in a notebook it shows itself when it is the last thing of a cell.

        rb.PlanCard("Summarize {{complaints}}", tier="free")

    `{{name}}` is replaced as in a `%%route` cell. Nothing is sent before Run is pressed, or `run()` called; then the answer streams below the card as
    it would in a cell. One card has a button at a time; what a card says stays in the notebook.
    """

    def __init__(self, prompt: str, router: Router | None = None, *, raw: bool = False, **overrides: Unpack[Overrides]) -> None:
        """Without a router it is the notebook's own; `raw` leaves `{{name}}` as it is; `overrides` are those of `router.ask`.

        Raises:
            UsageError: the prompt uses what is not defined, or an option is not right.
        """
        session = session_here()
        names = {} if session is None or raw else session.shell.user_ns
        self._variables = used(prompt, names)
        self.prompt = (prompt if session is None or raw else interpolate(prompt, names, own=session.names)).strip()
        """As it would be sent."""
        self._asked = overrides if session is None else Overrides(**{"notebook": session.notebook, "cell_id": session.cell_id, **overrides})
        self.router = router if router is not None else router_here()
        self.plan: Plan = self.router.plan(self.prompt, **self._asked)
        """What would be tried."""
        self.answer: Answer | None = None
        """What came of it, once it was run."""
        self.failure: RoutebookError | None = None
        """Why nothing came of it."""
        self.on_answer: Callable[[Answer], None] = lambda _answer: None
        """Called with the answer, when there is one."""
        self._job: Job[Answer] | None = None
        self._thread: threading.Thread | None = None
        self._controls: Controls | None = None
        self._results: Any = None
        self._context = contextvars.copy_context()

    # ---- life

    def page(self) -> Bundle:
        """The card as HTML and text."""
        return plan_card_page(self.router, self.plan, self._variables)

    def show(self) -> None:
        """Show it in the running cell; the button of the card before it goes."""
        from IPython.display import display

        self._context = contextvars.copy_context()  # what is shown belongs to this cell's output, also while others run
        display(self.page(), raw=True)
        session = session_here()
        if session is None or not session.has_page:
            return
        if session.is_interactive:
            self._controls = Controls(_buttons()(can_run=bool(self.plan.candidates)), hear=self._hear)
            self._controls.show(NOTHING)
            stage.enter(self)
        self._results = display(NOTHING, raw=True, display_id=True)

    def close(self) -> None:
        """Leave what it showed, without its button; a request under way is cancelled."""
        self.cancel()
        if self._thread is not threading.current_thread():
            with contextlib.suppress(TimeoutError):
                self.wait(_CLOSE_S)
        self._end_controls()

    def _ipython_display_(self) -> None:
        self.show()

    # ---- asking

    def run(self) -> None:
        """Send it, and return at once; `wait()` waits. The request is planned anew, because time has passed.

        Raises:
            UsageError: it was run already; nothing was sent.
        """
        if self._job is not None:
            raise UsageError("This card was run already; a new one can be made.")
        drain = Drain([ALONE])
        view = self._view()
        emit, on_end = drain.ears(ALONE)
        job = self.router.start(self.prompt, emit=emit, on_end=on_end, **self._asked)
        follow = partial(self._follow, drain, view, job)
        thread = threading.Thread(target=self._context.copy().run, args=(follow,), name="routebook-plan-card", daemon=True)
        try:
            self._job = job
            self._tell("asking …", is_running=True)
            thread.start()
        except BaseException:  # interrupted before anybody followed it
            job.cancel()
            self._job = None
            self._tell("", is_running=False)
            raise
        self._thread = thread

    def wait(self, timeout_s: float | None = None) -> Answer | None:
        """Wait until it has ended, and return the answer; `None` when there is none.

        Raises:
            TimeoutError: it takes longer than so many seconds; it goes on.
        """
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                raise TimeoutError(f"The card's request is still under way after {timeout_s} s.")
        return self.answer

    def cancel(self) -> None:
        """End what is under way and return at once; what came is kept."""
        if self._job is not None:
            self._job.cancel()

    def _view(self) -> PanesView:
        session = session_here()
        if session is None or not session.has_page:
            return TerminalPanes(last_page=last_page)
        return PanesWidget([ALONE], last_page=last_page, handle=self._results)

    def _follow(self, drain: Drain, view: PanesView, job: Job[Answer]) -> None:
        """Show what comes, on a thread of its own."""
        ended = drain.ended
        try:
            view.open(cancel=lambda _pane: job.cancel())
            drain.run(view)
            ended.take({ALONE: job})
        finally:
            job.cancel()  # after the end it does nothing; before it, a view failed, and nobody would read on
            view.close(ended.answers, ended.failures)
            self._ended(ended.answers, ended.failures)

    def _ended(self, answers: Mapping[str, Answer], failures: Mapping[str, RoutebookError]) -> None:
        self.answer, self.failure = answers.get(ALONE), failures.get(ALONE)
        session = session_here()
        if self.answer is not None:
            if session is not None:
                session.remember(self.prompt, self.answer)
            self.on_answer(self.answer)
        self._end_controls()

    # ---- the buttons

    def _hear(self, content: Mapping[str, Any]) -> None:
        """A message of the page; on whatever thread hears it."""
        try:
            if content.get("kind") == "run":
                self.run()
            elif content.get("kind") == "close":
                self.close()
        except RoutebookError as error:
            self._tell(str(error), is_running=self._job is not None)

    def _tell(self, state: str, *, is_running: bool) -> None:
        if self._controls is not None:
            self._controls.tell(state=state, running=is_running)

    def _end_controls(self) -> None:
        stage.leave(self)
        controls, self._controls = self._controls, None
        if controls is not None:
            controls.close()


@cache
def _buttons() -> Any:  # noqa: ANN401  the class is made when anywidget loads
    import anywidget
    from traitlets import Bool, Unicode

    class Buttons(anywidget.AnyWidget):
        """Run and Close."""

        _esm = static("parts.js", "plan.js")
        _css = static("parts.css")
        can_run = Bool(default_value=True).tag(sync=True)
        running = Bool(default_value=False).tag(sync=True)
        state = Unicode("").tag(sync=True)

    return Buttons
