"""What one notebook has at hand: its router, its conversation, its last answer, and which cell is running."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from routebook.messages import Answer, Message
from routebook.notebook.series import Series
from routebook.notebook.visible import visible

if TYPE_CHECKING:  # the router loads with the first cell
    from routebook.engine.router import Router
    from routebook.notebook.live import PanesView, View
    from routebook.notebook.page import Bundle
    from routebook.notebook.panels.advice import Recommendations
    from routebook.notebook.panels.background import Jobs
    from routebook.notebook.panels.board import Board
    from routebook.notebook.panels.run_all import Guard
    from routebook.notebook.widget import LastPage


class Session:
    """State that lives as long as the kernel has the extension loaded."""

    def __init__(self, shell: Any) -> None:  # noqa: ANN401  IPython has no types
        """`shell` is IPython's `InteractiveShell`."""
        self.shell = shell
        self.last: Answer | None = None
        self._exchanges: list[tuple[Message, Message]] = []
        self._router: Router | None = None
        self._jobs: Jobs | None = None
        self._guard: Guard | None = None
        self.series = Series()
        """The cells that were sent together with the one that runs."""
        self.board: Board | None = None
        """The one that is live."""
        self.advice: Recommendations | None = None
        """What `%route recommend` showed last: its numbers are those that `--apply` takes."""
        self.was_reminded = False
        """That an evaluation is due was said; once is enough."""

    @property
    def router(self) -> Router:
        """The router, made when first needed.

        Raises:
            ConfigError: `routing.toml` is wrong.
        """
        if self._router is None:
            from routebook.engine.router import Router

            self._router = Router()
            atexit.register(self.close)
        return self._router

    @property
    def has_router(self) -> bool:
        """Whether one was made already."""
        return self._router is not None

    @property
    def names(self) -> list[str]:
        """The variables that the user made, as `%who` lists them."""
        hidden = self.shell.user_ns_hidden
        return [name for name, value in self.shell.user_ns.items() if not name.startswith("_") and hidden.get(name, hidden) is not value]

    def reload(self) -> None:
        """Read `routing.toml` again; the old router stays in use when the new file is wrong."""
        from routebook.engine.router import Router

        router = Router()
        self.close()
        self._router = router
        atexit.register(self.close)

    def close(self) -> None:
        """Close the router; the next cell makes a new one."""
        if self.board is not None:
            self.board.stop()
            self.board = None
        router, self._router = self._router, None
        if router is not None:
            atexit.unregister(self.close)
            router.close()

    def remember(self, prompt: str, answer: Answer) -> None:
        """Keep an exchange for `--history`, `%route why` and `_route`."""
        self.last = answer
        self.shell.user_ns["_route"] = answer
        if answer.text and answer.finish_reason != "cancelled":
            self._exchanges.append((Message(role="user", content=prompt), answer.turn))

    def history(self, exchanges: int, *, think: str | None = None) -> tuple[Message, ...]:
        """The last so many exchanges, as messages; with what was thought in them where `think`, or a model's own `thinking`, keeps it."""
        recent = [turn for turns in (self._exchanges[-exchanges:] if exchanges > 0 else []) for turn in turns]
        if not any(turn.echo for turn in recent) or think == "keep":
            return tuple(recent)
        if think is None and any(model.thinking == "keep" for model in self.router.runtime().config.models.values()):
            return tuple(recent)
        return tuple(Message(role=turn.role, content=turn.content) for turn in recent)

    def view(self) -> View:
        """What shows a cell while it runs here."""
        if self.has_page:
            from routebook.notebook.widget import WidgetView

            return WidgetView()
        from routebook.notebook.rich_terminal import RichView, can_draw
        from routebook.notebook.terminal import TerminalView

        return RichView() if can_draw() else TerminalView()

    @property
    def jobs(self) -> Jobs:
        """The background cells, made when first needed."""
        if self._jobs is None:
            from routebook.notebook.panels.background import Jobs

            self._jobs = Jobs()
        return self._jobs

    @property
    def guard(self) -> Guard:
        """What stands before the cells of a Run All, made when first needed."""
        if self._guard is None:
            from routebook.notebook.panels.run_all import Guard

            self._guard = Guard(self)
        return self._guard

    def panes_view(self, panes: Sequence[str], *, last_page: LastPage) -> PanesView:
        """What shows several requests of a cell side by side here."""
        if self.has_page:
            from routebook.notebook.widget import PanesWidget

            return PanesWidget(panes, last_page=last_page)
        from routebook.notebook.terminal import TerminalPanes

        return TerminalPanes(last_page=last_page)

    def show(self, page: Bundle) -> None:
        """Show a page: as HTML in a notebook, as text in a terminal."""
        if self.has_page:
            from IPython.display import display

            display(page, raw=True)
        else:
            print(visible(page["text/plain"]))  # noqa: T201  a terminal's output

    @property
    def is_kernel(self) -> bool:
        """A Jupyter kernel, as against IPython in a terminal."""
        return hasattr(self.shell, "kernel")

    @property
    def has_page(self) -> bool:
        """Whether a page shows what a cell displays, and takes updates of it: JupyterLab, Notebook, VS Code, Colab, and what runs notebooks.

        Consoles (jupyter console, qtconsole, Spyder) draw no widgets and drop updates, so that an answer would never be seen; they get text as a
        terminal does. They are told by what is missing: somebody types there, and no notebook's cell does.
        """
        if not self.is_kernel:
            return False
        parent: Any = self.shell.get_parent() if hasattr(self.shell, "get_parent") else {}
        is_typed = bool(parent.get("content", {}).get("allow_stdin"))
        is_notebook = "cellId" in parent.get("metadata", {}) or self.notebook_file is not None or "google.colab" in sys.modules
        return is_notebook or not is_typed

    @property
    def is_interactive(self) -> bool:
        """Whether somebody is there to be asked: nbconvert and papermill say that nobody is."""
        if self.is_kernel:
            return bool(self.shell.get_parent().get("content", {}).get("allow_stdin"))
        return sys.stdin.isatty()

    @property
    def notebook(self) -> str | None:
        """The notebook's name, where the front end tells it."""
        file = self.notebook_file
        return file.name if file is not None else None

    @property
    def notebook_file(self) -> Path | None:
        """The notebook's file, where the front end tells it; it may be on another machine."""
        path = os.environ.get("JPY_SESSION_NAME") or self.shell.user_ns.get("__vsc_ipynb_file__")
        return Path(path) if path else None

    @property
    def source(self) -> str:
        """The running cell's whole text, where this is a kernel."""
        return str(self.shell.get_parent().get("content", {}).get("code", "")) if self.is_kernel else ""

    @property
    def cell_id(self) -> str | None:
        """The running cell's id, where the front end tells it."""
        if not self.is_kernel:
            return None
        metadata = self.shell.get_parent().get("metadata", {})
        found = metadata.get("cellId")
        return found if isinstance(found, str) else None
