"""A `routing.toml` while it is edited: the text, what is wrong with it, where a prompt would go by it, and its way back to the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from routebook.config.edit import move_route, route_names
from routebook.config.lines import positions
from routebook.config.read import FILE_NAME, find, parse, shipped
from routebook.config.source import Source, keep_old, read_source, write_source
from routebook.config.values import Config
from routebook.engine.drafted import plan_by
from routebook.errors import ConfigError, Problem, UsageError
from routebook.messages import Overrides, Plan
from routebook.notebook.here import router_here, session_here

if TYPE_CHECKING:
    from routebook.engine.router import Router


class Draft:
    """The text of one file. It is the user's: nothing here changes it but what he asked for."""

    def __init__(self, router: Router | None = None) -> None:
        """Of the router's file, or of the notebook's own; where there is none, of one that may be written here.

        Raises:
            UsageError: the file cannot be read.
        """
        self.is_own = router is None
        """Whether the notebook's router is shown, which reads the file again when it is saved."""
        self.router = router
        self.trouble: tuple[Problem, ...] = ()
        """Why the file is not in use."""
        if router is None:
            self._adopt()
        file = self.router.file if self.router is not None else find()
        self.source: Source = read_source(file or Path.cwd() / FILE_NAME, otherwise=shipped("starter.toml"))
        self.text = self.source.text
        self.problems: tuple[Problem, ...] = ()
        self._config: Config | None = None
        self._checked: str | None = None

    def _adopt(self) -> None:
        """Take the notebook's own router; a file that is wrong has none, and can be mended."""
        try:
            self.router, self.trouble = router_here(), ()
        except ConfigError as error:
            self.router, self.trouble = None, error.problems

    @property
    def file(self) -> Path:
        """Where it is written to."""
        return self.source.file

    @property
    def name(self) -> str:
        """The file as one would say it in this folder."""
        file, here, home = self.file.absolute(), Path.cwd(), Path("~").expanduser()
        if file.is_relative_to(here):
            return str(file.relative_to(here))
        return str(Path("~") / file.relative_to(home)) if file.is_relative_to(home) else str(file)

    @property
    def is_changed(self) -> bool:
        """Whether the text is not the file's."""
        return self.text != self.source.text or self.source.data is None

    @property
    def is_stale(self) -> bool:
        """Whether the file is not any more what was read."""
        return read_source(self.file, otherwise="").data != self.source.data

    # ---- the text

    def check(self, text: str) -> Config | None:
        """Take a text; return its config, or `None` when it has problems."""
        self.text = text
        if text != self._checked:
            self._checked = text
            try:
                self._config, self.problems = parse(text, file=str(self.file)), ()
            except ConfigError as error:
                self._config, self.problems = None, error.problems
        return self._config

    def routes(self) -> list[str]:
        """The routes in the order of the text; empty while it has problems."""
        return [] if self.check(self.text) is None else route_names(self.text)

    def line_of(self, route: str) -> int | None:
        """The line where a route begins in the text."""
        names = self.routes()
        return positions(self.text).get(("routes", names.index(route))) if route in names else None

    def move(self, route: int, *, by: int) -> None:
        """Move a route, counted from 0, so many places down, or up.

        Raises:
            UsageError: the text has problems, or the route cannot be moved.
        """
        if self.check(self.text) is None:
            raise UsageError("Mend the problems first; then routes can be moved.")
        self.check(move_route(self.text, route, by=by))

    # ---- where a prompt would go

    def plan(self, prompt: str) -> tuple[Plan, bool]:
        """Plan a prompt by the text, and by the config in use while the text has problems; return whether it is by the text.

        Raises:
            UsageError: the prompt cannot be planned, or the text has problems and nothing is in use.
        """
        config, session = self.check(self.text), session_here()
        asked = Overrides() if session is None else Overrides(notebook=session.notebook)
        runtime = self.router.runtime() if self.router is not None else None
        if config is not None:
            return plan_by(config, prompt, folder=self.file.parent, runtime=runtime, **asked), True
        if self.router is None:
            raise UsageError("There is nothing to try it against until the problems are mended.")
        return self.router.plan(prompt, **asked), False

    # ---- the file

    def save(self) -> None:
        """Write the text to the file.

        Raises:
            ConfigError: it has problems; nothing was written.
            FileChanged: another program changed the file meanwhile; nothing was written.
            UsageError: it cannot be written.
        """
        self.source = write_source(self.source, self.text)

    def save_keeping(self) -> str:
        """Write the text to the file, and keep the file as it was beside it; return that one's name. Raises as `save` does, and keeps nothing then."""
        spare = keep_old(self.file)
        try:
            self.save()
        except (UsageError, ConfigError):
            spare.unlink()
            raise
        return spare.name

    def load(self) -> str:
        """Take the file's text as it is now; return the text that was here."""
        mine = self.text
        self.source = read_source(self.file, otherwise=mine)
        self.check(self.source.text)
        return mine

    def reload(self) -> str:
        """Put the file to use; return in a few words what became of it.

        Raises:
            ConfigError: the file is wrong; what was in use stays.
        """
        session = session_here()
        if not self.is_own:
            return "the router that this panel was given keeps what it read; make a new one"
        if self.router is not None and _is_busy(self.router):
            return "not in use yet: something is under way, which a reload would end"
        if session is not None:
            session.reload()
        elif self.router is not None:
            self.router.close()
        self._adopt()
        return "in use"


def _is_busy(router: Router) -> bool:
    return router.is_open and any(state.in_flight or state.queued for state in list(router.runtime().known.states.values()))
