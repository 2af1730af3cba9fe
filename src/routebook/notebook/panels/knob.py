"""`rb.Knob()`: quality against cost with a slider, and the setting that one likes written into `routing.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from routebook.config.knob import Place, places, with_quality
from routebook.errors import RoutebookError, UsageError
from routebook.near import did_you_mean
from routebook.notebook.controls import Controls, static
from routebook.notebook.here import router_here, session_here
from routebook.notebook.page import Bundle
from routebook.notebook.panels import stage
from routebook.notebook.panels.draft import Draft
from routebook.notebook.report import report

if TYPE_CHECKING:
    import pandas as pd

    from routebook.engine.router import Router

MIDDLE = 0.5


class Knob:
    """The chart `quality_cost` with a slider for `quality`; in a notebook it shows itself when it is the last thing of a cell.

        knob = rb.Knob()              # your own attempts and votes; rb.Knob(frame) for graded prompts
        knob.turn(0.7); knob.write("coders")

    Nothing is written before one says so. It ends with its Close button, with `close()`, when another one is opened, or with the kernel; the chart
    stays. Where nobody could use a slider, the chart stands alone.
    """

    def __init__(self, frame: pd.DataFrame | None = None, router: Router | None = None, *, setting: float | None = None) -> None:
        """Without a setting it stands where the first of the file's knobs stands.

        Raises:
            UsageError: the frame is none that the chart takes.
        """
        from routebook.tables.trade_chart import turning

        self.router = router if router is not None else router_here()
        self.frame = frame if frame is not None else self.router.frame()
        self._given = router
        self._draw = turning(self.frame)
        found = places(self.router.config)
        self.setting = setting if setting is not None else next(iter(found.values()), MIDDLE)
        self._chart: Any = None
        self._controls: Controls | None = None
        self._state = "not written"

    # ---- for code

    def page(self) -> dict[str, Any]:
        """The chart with the knob where it stands, and its text."""
        from routebook.tables.twin import twin
        from routebook.tables.vega import MIME, specification

        chart = self._draw(self.setting)
        return {MIME: specification(chart), "text/plain": twin(chart)}

    def turn(self, setting: float) -> None:
        """Set the knob, 0 to 1, and draw the chart anew.

        Raises:
            UsageError: the setting is out of its range.
        """
        self._draw(setting)
        self.setting = setting
        if self._controls is not None:
            self._controls.tell(setting=setting)  # for a page that draws it again
        if self._chart is not None:
            self._chart.update(self.page(), raw=True)

    def write(self, name: str | None = None) -> str:
        """Write the setting into `routing.toml`, as the `quality` of a pool or a route; return in words what became of it.

        Args:
            name: the pool or the route; it may be left out where there is only one.

        Raises:
            UsageError: there is no such knob, there is no file, or it cannot be written.
            ConfigError: the file is wrong.
            FileChanged: another program changed the file meanwhile; nothing was written.
        """
        place = self._place(name)
        draft = Draft(self._given)
        if draft.source.data is None:
            raise UsageError("There is no routing.toml here; %route init writes one to start from.")
        before = places(self.router.config)[place]
        draft.check(with_quality(draft.text, place, self.setting))
        draft.save()
        use = draft.reload()
        self.router = draft.router or self.router
        self._state = f"quality of {place[0]} {place[1]}: {before:g} → {self.setting:g}, written to {draft.name}, {use}"
        return self._state

    def _place(self, name: str | None) -> Place:
        found = list(places(self.router.config))
        if not found:
            raise UsageError('No pool has pick = "best" and no route has quality, so there is no knob to write.')
        fitting = [place for place in found if name in (None, place[1], " ".join(place))]
        if len(fitting) != 1:
            raise UsageError(f"There is no knob {name!r}. {did_you_mean(str(name), [own for _, own in found])}" if name else
                f"Say which: {', '.join(own for _, own in found)}.")  # fmt: skip
        return fitting[0]

    # ---- life

    def show(self) -> None:
        """Show it in the running cell; the one before it is closed."""
        from IPython.display import display

        session = session_here()
        if session is not None and session.has_page and session.is_interactive:
            self._controls = Controls(_slider()(setting=self.setting, reached=self._reached()), hear=self._hear)
            self._tell()
            self._controls.show(self._closed())  # above the chart: JupyterLab draws anew what stands below an output that changes
            stage.enter(self)
        self._chart = display(self.page(), raw=True, display_id=True)

    def close(self) -> None:
        """Leave the chart; a static line takes the controls' place."""
        stage.leave(self)
        controls, self._controls = self._controls, None
        if controls is not None:
            controls.close(self._closed())

    def _ipython_display_(self) -> None:
        self.show()

    def _hear(self, content: Mapping[str, Any]) -> None:
        """A message of the page; on whatever thread hears it."""
        done, note, kind = "", "", content.get("kind")
        try:
            if kind in ("turn", "write"):
                self.turn(float(content.get("setting", self.setting)))
            if kind == "write":
                done = self.write(str(content.get("place")))
        except RoutebookError as error:
            note = str(error)
        if kind == "close":
            self.close()
        elif kind == "write":
            self._tell(done, note=note)

    def _tell(self, done: str = "", *, note: str = "") -> None:
        """Say what can be written to, what was done, and what went wrong."""
        found = places(self.router.config)
        if self._controls is not None:
            self._controls.tell(
                places=[(" ".join(place), f"{place[0]} {place[1]}, now {value:g}") for place, value in found.items()],
                done=done or ("" if found else 'No pool has pick = "best" and no route has quality: there is no knob to write.'),
                note=note,
            )

    def _reached(self) -> list[tuple[float, str]]:
        """What each setting reaches, in words."""
        from routebook.tables.knob import settings
        from routebook.tables.trade_chart import said

        return [(float(row["setting"]), said(row)) for _, row in settings(self.frame).iterrows()]

    def _closed(self) -> Bundle:
        return report(f"quality = {self.setting:g}: {self._state}. rb.Knob() turns it.")


@cache
def _slider() -> Any:  # noqa: ANN401  the class is made when anywidget loads
    import anywidget
    from traitlets import Float, List, Tuple, Unicode

    class Slider(anywidget.AnyWidget):
        """The slider."""

        _esm = static("parts.js", "panel.js", "knob.js")
        _css = static("parts.css", "panel.css", "knob.css")
        setting = Float(MIDDLE).tag(sync=True)
        reached: List[Any] = List(Tuple()).tag(sync=True)
        places: List[Any] = List(Tuple()).tag(sync=True)
        place = Unicode("").tag(sync=True)
        done = Unicode("").tag(sync=True)
        note = Unicode("").tag(sync=True)

    return Slider
