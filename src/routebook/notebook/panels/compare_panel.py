"""`rb.Compare()`: a panel to ask several models one prompt, see their answers side by side, and say which is best."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from routebook.engine.survey import models as survey_models
from routebook.errors import RoutebookError, UsageError
from routebook.messages import Answer, Overrides
from routebook.notebook import figures
from routebook.notebook.here import router_here, session_here
from routebook.notebook.live import Drain, PanesView
from routebook.notebook.page import Bundle
from routebook.notebook.panels import stage
from routebook.notebook.panels.compare import comparison_of, panes_of, starts_of
from routebook.notebook.panels.compare_page import compare_page
from routebook.notebook.panels.comparison import Comparison
from routebook.notebook.panels.panel_form import Form, asked_by, closed_page, gone_page
from routebook.notebook.panels.panel_widget import PanelWidget, Said
from routebook.notebook.terminal import TerminalPanes
from routebook.notebook.widget import PanesWidget

if TYPE_CHECKING:
    from routebook.engine.loop import Job
    from routebook.engine.router import Router

_PICKED: Final = 2
"""So many models are picked when none are named."""


class Compare:
    """A panel with a prompt box and a picker of models; in a notebook it shows itself when it is the last thing of a cell.

        panel = rb.Compare("How do I keep one of each word?", models=["qwen", "llama"])

    Its requests run beside other cells. Answers, votes and ratings are in `result`. It ends with its Close button, with `close()`, when another
    panel is opened, or with the kernel; the answers stay in the notebook. It shows no controls where nobody could use them.
    """

    def __init__(
        self, prompt: str = "", models: Sequence[str] | None = None, router: Router | None = None, *, temperature: float | None = None,
        max_tokens: int | None = None, repeat: int = 1,
    ) -> None:  # fmt: skip
        """All of them can be changed in the panel.

        Raises:
            UsageError: a model is not known.
        """
        self.router = router if router is not None else router_here()
        self.result: Comparison | None = None
        """The last comparison."""
        self._lines = survey_models(self.router.runtime())
        picked = self._picked(models)
        self.form = Form(prompt=prompt, models=tuple(picked), temperature=temperature, max_tokens=max_tokens, repeat=repeat)
        """What is filled in."""
        self._jobs: dict[str, Job[Answer]] = {}
        self._thread: threading.Thread | None = None
        self.is_running = False
        """Whether something is under way."""
        self._widget: PanelWidget | None = None
        self._results: Any = None
        self._context = contextvars.copy_context()
        self._verdicts: dict[str, str] = {}
        self._asked = self.form
        """What the last answers were asked with."""
        self._answers: Bundle | None = None
        """The last answers, side by side."""

    # ---- life

    def show(self) -> None:
        """Show it in the running cell; the panel before it is closed."""
        from IPython.display import display

        self._context = contextvars.copy_context()  # what is shown belongs to this cell's output, also while others run
        session = session_here()
        if session is None or not (session.has_page and session.is_interactive):
            display(self._page(), raw=True)
        else:
            self._widget = PanelWidget(self.form, self._lines, hear=self._hear)
            self._widget.show(gone_page())
            stage.enter(self)
        self._results = display({"text/plain": ""}, raw=True, display_id=True) if session is not None and session.has_page else None

    def close(self) -> None:
        """Leave what it showed: requests under way are cancelled, and a static line takes the controls' place."""
        self.cancel()
        with contextlib.suppress(TimeoutError):
            self.wait(2.0)
        stage.leave(self)
        widget, self._widget = self._widget, None
        if widget is not None:
            widget.close(self._page())
            self._show_answers()

    def _ipython_display_(self) -> None:
        self.show()

    # ---- asking

    def run(self) -> None:
        """Ask what is filled in, and return at once; `wait()` waits.

        Raises:
            UsageError: it is running already, or something is not filled in right; nothing was sent.
        """
        if self.is_running:
            raise UsageError("The panel is still asking; cancel it first.")
        asked = asked_by(self.form, session_here())
        prompt = self.form.prompt.strip()
        if not prompt:
            raise UsageError("There is no prompt yet.")
        if not self.form.models:
            raise UsageError("No model is picked; a comparison takes two or more.")
        panes = panes_of(self.router, prompt, asked, option="A comparison", models=",".join(self.form.models), repeat=self.form.repeat)
        drain = Drain(panes)
        view = self._panes_view(prompt, panes)
        work = partial(self._follow, drain, view, prompt, panes)
        thread = threading.Thread(target=self._context.copy().run, args=(work,), name="routebook-compare", daemon=True)
        self._verdicts, self._asked, self._answers, self._jobs = {}, self.form, None, {}
        try:
            self.is_running = True
            for pane, start in starts_of(self.router, prompt, asked, panes).items():
                self._jobs[pane] = start(*drain.ears(pane))
            self._tell(
                state=f"{figures.plural(len(panes), 'answer')} on their way …", running=True, panes=[], answered=[], won="", verdict=""
            )
            self._tell(panes=list(panes))
            view.open(cancel=lambda pane: self._jobs[pane].cancel())
            thread.start()
        except BaseException:  # interrupted before anybody followed it
            self.cancel()
            view.close({}, {})
            self.is_running = False
            self._tell(state="stopped", running=False)
            raise
        self._thread = thread

    def wait(self, timeout_s: float | None = None) -> Comparison | None:
        """Wait until nothing is under way, and return the last comparison.

        Raises:
            TimeoutError: it takes longer than so many seconds; it goes on.
        """
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                raise TimeoutError(f"The panel is still asking after {timeout_s} s.")
        return self.result

    def cancel(self) -> None:
        """End what is under way and return at once; what came is kept."""
        for job in self._jobs.values():
            job.cancel()

    def _panes_view(self, prompt: str, panes: Mapping[str, str]) -> PanesView:
        """Panes in the place of the last results; in a terminal, lines."""

        def last_page(answers: Mapping[str, Answer], failures: Mapping[str, RoutebookError]) -> Bundle:
            self._answers = compare_page(comparison_of(prompt, answers, failures, panes))
            return self._answers_page(self._answers)

        session = session_here()
        if session is None or not session.has_page:
            return TerminalPanes(last_page=last_page)
        return PanesWidget(list(panes), last_page=last_page, handle=self._results)

    def _follow(self, drain: Drain, view: PanesView, prompt: str, panes: Mapping[str, str]) -> None:
        """Show what comes, on a thread of its own."""
        began = time.monotonic()
        try:
            drain.run(view)
            drain.ended.take(self._jobs)
        finally:
            self.cancel()  # after the end it does nothing; before it, a view failed, and nobody would read on
            ended = drain.ended
            view.close(ended.answers, ended.failures)
            self.result = replace(comparison_of(prompt, ended.answers, ended.failures, panes), router=self.router)
            self.is_running = False
            self._tell(state=_told(self.result, len(panes), time.monotonic() - began), running=False, answered=list(self.result.answers))

    # ---- what the page says

    def _hear(self, said: Said) -> None:
        """A button of the page; called on whatever thread hears it."""
        try:
            self._act(said)
        except RoutebookError as error:
            self._tell(note=str(error))

    def _act(self, said: Said) -> None:
        self._tell(note="")
        match said.kind:
            case "run":
                self.form = Form.read(said.content)
                self.run()
            case "cancel":
                self.cancel()
            case "close":
                self.close()
            case "vote" if "winner" in self._verdicts:
                raise UsageError("There is a vote on these answers already; a rating can be changed.")
            case "vote":
                self._judge(lambda result: result.vote(said.pane), "winner", f"{said.pane} is best")
            case "note":
                words = str(said.content.get("note", "")).strip()
                about = f"note on {said.pane}"
                self._judge(lambda result: result.note(said.pane, words), about, f"a {about}" if words else f"no {about}")
            case "export":
                self._export(str(said.content.get("form")))
            case "rate":
                self._judge(lambda result: result.rate(said.pane, said.score), said.pane, f"{said.pane}: {said.score * 4 + 1:.0f} of 5")

    def _export(self, form: str) -> None:
        """Send the last comparison to the page, which puts it into the clipboard."""
        if self.is_running or self.result is None:
            raise UsageError("There is nothing to copy until the answers are there.")
        if self._widget is not None:
            self._widget.give(form, self.result.to_csv() if form == "CSV" else self.result.to_markdown())

    def _judge(self, learn: Callable[[Comparison], None], about: str, words: str) -> None:
        if self.is_running or self.result is None:
            raise UsageError("There is nothing to judge until the answers are there.")
        learn(self.result)
        self._verdicts[about] = words
        self._show_answers()
        self._tell(verdict="noted: " + ", ".join(self._verdicts.values()), won=self._verdicts.get("winner", "").removesuffix(" is best"))

    def _tell(self, **traits: object) -> None:
        if self._widget is not None:
            self._widget.tell(**traits)

    def _answers_page(self, answers: Bundle) -> Bundle:
        """The answers; under live controls with what was asked and said of them, because a notebook that is saved now has no controls later."""
        if self._widget is None:
            return answers
        head = closed_page(self._asked, verdicts=list(self._verdicts.values()))
        return {"text/html": head["text/html"] + answers["text/html"], "text/plain": f"{head['text/plain']}\n\n{answers['text/plain']}"}

    def _show_answers(self) -> None:
        if self._results is not None and self._answers is not None:
            self._results.update(self._answers_page(self._answers), raw=True)

    def _page(self) -> Bundle:
        return closed_page(self.form, verdicts=list(self._verdicts.values()))

    def _picked(self, models: Sequence[str] | None) -> list[str]:
        if models is None:
            return [line.name for line in self._lines if line.state == "ready"][:_PICKED]
        for name in models:
            self.router.plan("?", **Overrides(model=name))
        return list(models)


def _told(result: Comparison, asked: int, time_s: float) -> str:
    parts = [f"{figures.plural(len(result.answers), 'answer')} in {figures.seconds(time_s)}"]
    stopped = (
        sum(answer.finish_reason == "cancelled" for answer in result.answers.values()) + asked - len(result.answers) - len(result.failures)
    )
    parts += [f"{len(result.failures)} failed"] if result.failures else []
    parts += [f"{stopped} stopped"] if stopped else []
    return " · ".join(parts)
