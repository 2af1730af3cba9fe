"""`rb.ConfigPanel()`: how `routing.toml` does, a prompt to try it with, and an editor that checks as one types."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from routebook.errors import BooksError, ConfigError, FileChanged, Problem, RoutebookError, UsageError
from routebook.notebook import figures
from routebook.notebook.here import session_here
from routebook.notebook.page import Bundle
from routebook.notebook.panels import stage
from routebook.notebook.panels.config_page import broken_page, closed_page, config_page
from routebook.notebook.panels.config_widget import ConfigWidget, Did, checked, tried
from routebook.notebook.panels.draft import Draft
from routebook.notebook.report import report

if TYPE_CHECKING:
    from routebook.engine.router import Router
    from routebook.messages import Plan


class ConfigPanel:
    """Models, routes, a prompt to try and an editor of `routing.toml`; in a notebook it shows itself when it is the last thing of a cell.

        panel = rb.ConfigPanel()

    Nothing is written before one saves, and nothing is sent by trying. A file that is wrong opens too, with its problems. It ends with its Close
    button, with `close()`, when another one is opened, or with the kernel. Where nobody could use an editor, the page stands alone.
    """

    def __init__(self, router: Router | None = None, *, prompt: str = "") -> None:
        """Without a router it shows the notebook's own, which reads the file again when it is saved.

        Raises:
            UsageError: the file cannot be read.
        """
        self.draft = Draft(router)
        """The text, and what is wrong with it."""
        self.prompt = prompt
        """What is tried."""
        self._widget: ConfigWidget | None = None
        self._above: Any = None
        self._shown: Bundle | None = None
        self._mine: str | None = None
        """A text that the file's took the place of."""
        self._state = ""

    # ---- for code

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the text."""
        self.draft.check(self.draft.text)
        return self.draft.problems

    def plan(self, prompt: str) -> Plan:
        """Where a prompt would go by the text as it is now; nothing is sent.

        Raises:
            UsageError: the prompt cannot be planned.
        """
        return self.draft.plan(prompt)[0]

    def page(self) -> Bundle:
        """Models and routes as they are now, as HTML and text."""
        draft = self.draft
        if draft.router is None:
            return broken_page(draft.name, len(draft.trouble))
        return config_page(draft.router.runtime(), file=draft.name if draft.router.file else "the built-in default")

    # ---- life

    def show(self) -> None:
        """Show it in the running cell; the panel before it is closed."""
        from IPython.display import display

        session = session_here()
        self._shown = self.page()
        self._above = display(self._shown, raw=True, display_id=True)
        if session is None or not (session.has_page and session.is_interactive):
            return
        self._widget = ConfigWidget(file=self.draft.name, text=self.draft.text, prompt=self.prompt, hear=self._hear)
        self._check(0)
        self._tell(state=self._opened())
        self._widget.show(closed_page(self.draft.name, state="it was open here", at=dt.datetime.now().astimezone()))
        stage.enter(self)
        if self.prompt.strip():
            self._try()

    def close(self) -> None:
        """Leave the page as it is now; a static line takes the editor's place. A text that was not saved is in `panel.draft.text`."""
        stage.leave(self)
        widget, self._widget = self._widget, None
        if widget is not None:
            self._look()
            state = "closed with changes that were not saved" if self.draft.text != self.draft.source.text else self._state or "not changed"
            widget.close(closed_page(self.draft.name, state=state, at=dt.datetime.now().astimezone()))

    def _ipython_display_(self) -> None:
        self.show()

    # ---- what the page says

    def _hear(self, did: Did) -> None:
        """A message of the page; on whatever thread hears it."""
        try:
            self._act(did)
        except FileChanged as error:
            self._tell(note=f"{error} Your text is still here.", stale=True)
        except ConfigError as error:
            stand = "It stands beside its line." if len(error.problems) == 1 else "They stand beside their lines."
            self._tell(note=f"{figures.plural(len(error.problems), 'problem')}: nothing was written. {stand}")
        except RoutebookError as error:
            self._tell(note=str(error))

    def _act(self, did: Did) -> None:
        if did.text is not None:
            self.draft.check(did.text)
        act = {
            "edit": self._kept, "try": self._asked, "move": self._move, "save": self._save, "load": self._load, "back": self._back,
            "reload": self._reload, "fetch": self._fetch, "look": self._looked, "close": self._closed,
        }.get(did.kind)  # fmt: skip
        if act is not None:
            act(did)

    def _kept(self, did: Did) -> None:
        if self._widget is not None:
            self._widget.keep(self.draft.text)
        self._check(did.serial)
        if self.prompt.strip():
            self._try()

    def _replaced(self, did: Did) -> None:
        if self._widget is not None:
            self._widget.replace(self.draft.text, serial=did.serial)
        self._check(did.serial)
        if self.prompt.strip():
            self._try()

    def _asked(self, did: Did) -> None:
        self.prompt = did.prompt
        self._try()

    def _move(self, did: Did) -> None:
        self._tell(note="")
        self.draft.move(did.route, by=did.by)
        self._replaced(did)

    def _load(self, did: Did) -> None:
        mine = self.draft.load()
        self._mine = mine if mine != self.draft.text else None
        self._replaced(did)
        self._tell(note="", stale=False, state="as the file is now", has_mine=self._mine is not None)

    def _back(self, did: Did) -> None:
        if self._mine is not None:
            self.draft.check(self._mine)
            self._mine = None
            self._replaced(did)
            self._tell(note="", state="your text again", has_mine=False)

    def _reload(self, _did: Did) -> None:
        self._tell(note="", state=self.draft.reload())
        self._look()

    def _fetch(self, did: Did) -> None:
        """A text with a key in it is not kept in the widget's state; the page asks for it."""
        if self._widget is not None:
            self._widget.replace(self.draft.text, serial=did.serial)

    def _looked(self, _did: Did) -> None:
        self._look()
        if self.draft.is_stale:
            self._tell(stale=True, state="another program changed the file; Load from disk takes its text")

    def _closed(self, _did: Did) -> None:
        self.close()

    def _save(self, did: Did) -> None:
        self._tell(note="")
        self.draft.save()
        self._mine = None
        use = self.draft.reload()
        self._state = f"saved at {dt.datetime.now().astimezone():%H:%M:%S}, {use}"
        self._check(did.serial)
        self._tell(state=self._state, stale=False, has_mine=False)
        self._look()

    def _check(self, serial: int) -> None:
        draft = self.draft
        draft.check(draft.text)
        self._tell(checked=checked(draft.problems, draft.routes(), serial=serial, is_changed=draft.is_changed))

    def _try(self) -> None:
        if not self.prompt.strip():
            self._tell(tried={}, prompt="")
            return
        try:
            plan, is_text = self.draft.plan(self.prompt)
        except UsageError as error:
            self._tell(tried={"head": str(error), "by": "", "parts": [], "line": 0}, prompt=self.prompt)
            return
        by = "by the text below" if is_text else "by the file in use, until the problems in the text are mended"
        line = self.draft.line_of(plan.route) if is_text else None
        self._tell(tried=tried(plan, by=by, line=line), prompt=self.prompt)

    def _look(self) -> None:
        """Bring the page up to date, when something has changed."""
        try:
            page = self.page()
        except BooksError as error:
            page = report(str(error))
        if page != self._shown and self._above is not None:
            self._shown = page
            self._above.update(page, raw=True)

    def _tell(self, **traits: object) -> None:
        if self._widget is not None:
            self._widget.tell(**traits)

    def _opened(self) -> str:
        draft = self.draft
        if draft.source.data is None:
            return f"{draft.file.name} is not there yet; Save and reload writes it"
        return "" if draft.router is not None else "not in use: it has problems"
