"""Whether the cell that runs is one of many that were sent together: Run All, Restart and Run All, a selection.

No front end says so, and the kernel's queue is not ours to look into. But every request carries the moment at which it was made. JupyterLab makes
those of a Run All at once, before the first of them has run; VS Code makes each when the one before it has ended. Nobody presses keys that fast.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any, Final

TOGETHER_S: Final = 0.15
"""Two requests of one run are made within this time, or one is made so soon after the other's end."""


class Series:
    """The cells that ran one after another without a person in between."""

    def __init__(self) -> None:
        """Nothing has run."""
        self.number = 0
        """Goes up with each run, be it of one cell or of many."""
        self.cells = 0
        """Cells of this run so far, the one that runs among them."""
        self._made: dt.datetime | None = None
        self._began = 0.0
        self._took_s = 0.0

    @property
    def is_many(self) -> bool:
        """Whether the cell that runs was sent together with the one before it."""
        return self.cells > 1

    def begin(self, made: object, *, is_one_by_one: bool = False) -> None:
        """A cell begins; `made` is its request's date. `is_one_by_one` for a front end that makes a request when the cell before has ended."""
        moment = _moment(made)
        if moment is not None and self._follows(moment, is_one_by_one=is_one_by_one):
            self.cells += 1
        else:
            self.number, self.cells = self.number + 1, 1
        self._made, self._began, self._took_s = moment, time.monotonic(), 0.0

    def end(self) -> None:
        """The cell has ended."""
        self._took_s = time.monotonic() - self._began

    def _follows(self, moment: dt.datetime, *, is_one_by_one: bool) -> bool:
        if self._made is None:
            return False
        gap_s = (moment - self._made).total_seconds()
        return 0 <= gap_s <= TOGETHER_S or (is_one_by_one and 0 <= gap_s - self._took_s <= TOGETHER_S)


def _moment(made: object) -> dt.datetime | None:
    """A date of the messaging protocol: jupyter_client gives it as a datetime, and as it came where it could not read it."""
    if isinstance(made, str):
        try:
            made = dt.datetime.fromisoformat(made)
        except ValueError:
            return None
    if not isinstance(made, dt.datetime):
        return None
    return made if made.tzinfo is not None else made.replace(tzinfo=dt.UTC)


class Watch:
    """Tells a series of the cells of a shell."""

    def __init__(self, shell: Any, series: Series) -> None:  # noqa: ANN401  IPython has no types
        """`shell` is IPython's; the cell that runs now is the first."""
        self._shell, self._series = shell, series
        self.before()

    def before(self, _info: object = None) -> None:
        """A cell begins."""
        parent: Any = self._shell.get_parent() if hasattr(self._shell, "get_parent") else {}
        self._series.begin(parent.get("header", {}).get("date"), is_one_by_one=self._shell.user_ns.get("__vsc_ipynb_file__") is not None)

    def after(self, _result: object = None) -> None:
        """A cell has ended."""
        self._series.end()

    def start(self) -> None:
        """From now on each cell is told."""
        self._shell.events.register("pre_run_cell", self.before)
        self._shell.events.register("post_run_cell", self.after)

    def stop(self) -> None:
        """No more."""
        self._shell.events.unregister("pre_run_cell", self.before)
        self._shell.events.unregister("post_run_cell", self.after)
