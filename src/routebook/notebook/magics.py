"""`%%route` and `%route`: parse, call, show. What is decided is decided elsewhere."""

from __future__ import annotations

import random
from typing import Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

from routebook.errors import RoutebookError
from routebook.messages import Overrides
from routebook.notebook import options
from routebook.notebook.session import Session


@magics_class
class RouteMagics(Magics):
    """The magics of one kernel."""

    def __init__(self, shell: Any, session: Session) -> None:  # noqa: ANN401  IPython has no types
        """`session` holds the router and the conversation."""
        super().__init__(shell)
        self.session = session

    @no_var_expand
    @cell_magic("route")  # type: ignore[arg-type]  # IPython types its own decorator as one that takes nothing
    def route_cell(self, line: str, cell: str) -> None:
        """Route the cell's text to the right model: `%%route -h` shows the options."""
        with _shortly():
            given = options.parse(line)
            if given.help:
                print(options.help_text())  # noqa: T201  help is what was asked for
                return
            self._route(given, cell)

    @no_var_expand
    @line_magic("route")  # type: ignore[arg-type]  # as above
    def route_line(self, line: str) -> Any:  # noqa: ANN401  a frame, or nothing
        """Look around and set up: `%route help` shows what there is."""
        from routebook.notebook import subcommands

        with _shortly():
            return subcommands.run(self.session, line)

    def _route(self, given: Any, cell: str) -> None:  # noqa: ANN401  argparse's namespace
        from routebook.notebook.interpolate import interpolate

        session = self.session
        prompt = (cell if given.raw else interpolate(cell, session.shell.user_ns, own=session.names)).strip()
        asked = options.overrides(given, session.shell.user_ns)
        asked.update(
            Overrides(history=session.history(given.history or 0, think=given.think), notebook=session.notebook, cell_id=session.cell_id)
        )
        router = session.router
        if given.dry:
            from routebook.notebook.commands.plan import show_plan

            show_plan(session, cell, asked, is_raw=given.raw, name=given.out)
            return
        admitted = session.guard.admit(given, prompt, asked)
        if admitted is None:
            return
        asked = admitted
        if given.compare:
            from routebook.notebook.panels.compare import compare

            self._keep(given.out, compare(session, prompt, asked, models=given.compare, repeat=given.repeat or 1))
            return
        if given.ensemble:
            from routebook.notebook.panels.ensemble import ensemble

            self._keep(given.out, ensemble(session, prompt, asked, models=given.ensemble, judge=given.judge))
            return
        if given.arena:
            from routebook.notebook.panels.arena import arena

            self._keep(given.out, arena(session, prompt, asked, rng=random.Random()))
            return
        if given.background:
            from routebook.notebook.panels.card import start_behind

            start_behind(session, prompt, asked, name=given.out)
            return
        from routebook.notebook.live import follow
        from routebook.notebook.panels.confirm import Confirming

        confirming = Confirming(session)
        if session.is_interactive:
            asked["confirm"] = confirming
        answer = follow(
            lambda emit, on_end: router.start(prompt, emit=emit, on_end=confirming.until(on_end), **asked),
            session.view(),
            between=confirming.look,
        )
        session.remember(prompt, answer)
        self._keep(given.out, answer)
        if router.config.evaluation.every is not None and not session.was_reminded:
            from routebook.notebook.reminder import remind

            remind(session)

    def _keep(self, name: str | None, value: object) -> None:
        if name:
            self.session.shell.user_ns[name] = value


class _shortly:  # noqa: N801  reads as a word: with _shortly()
    """Errors of ours in one or a few plain lines instead of a traceback wall; still exceptions to papermill and nbclient.

    Wrong usage too: IPython prints its own `UsageError`, and a notebook run by papermill would not say what was wrong.
    """

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Give an error of ours its short rendering."""
        if isinstance(error, RoutebookError):
            lines = [f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())]
            error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
