"""`frame.route`: charts and totals at hand on the frame itself.

The frame has a column of that name too, and pandas lets the accessor win. So what is not `plot` or `totals` is asked of the column: `frame.route == "chat"` and
`frame.route.value_counts()` mean what they say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from routebook.errors import UsageError
from routebook.near import did_you_mean
from routebook.tables.needed import need
from routebook.tables.totals import totals

if TYPE_CHECKING:  # altair loads only when a chart is drawn
    from routebook.tables.offline import Chart, Layers

KINDS: Final = ("spend", "latency", "where", "quality_cost", "heatmap", "calibration", "savings")

OPTIONS: Final = {"heatmap": ("show",), "quality_cost": ("knob",)}


class Plots:  # noqa: PLW1641  it equals as its column does, which has no hash either
    """Charts and totals of a frame of attempts: `frame.route.plot("savings")`, `frame.route.totals("agent")`, or of a part of it."""

    def __init__(self, frame: pd.DataFrame) -> None:
        """What is drawn; it is looked at only then."""
        self._frame = frame

    def __repr__(self) -> str:
        """What can be drawn."""
        return f"frame.route.plot(kind) draws {len(self._frame):,} rows; kinds: {', '.join(KINDS)}. frame.route.totals() counts them. The column is frame['route']."

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever a column has
        """What the column `route` has."""
        if name.startswith("_") or "route" not in self._frame.columns:
            raise AttributeError(f"frame.route has plot and totals, and no {name!r}.")
        return getattr(self._frame["route"], name)

    def __eq__(self, other: object) -> Any:  # noqa: ANN401  a column of truths
        """Whether each row's route is the other."""
        return self._frame["route"] == other

    def __ne__(self, other: object) -> Any:  # noqa: ANN401  as above
        """Whether each row's route is another."""
        return self._frame["route"] != other

    def totals(self, by: str = "model") -> pd.DataFrame:
        """What was asked, what failed and what it took, one row for each `by` and one for all; see `docs/frame.md` for the columns.

        Raises:
            UsageError: the frame has no such column, or is no frame of attempts.
        """
        return totals(need(self._frame, "time", "request_id", "attempt", "kind", "status", "cost_usd", by), by)

    def plot(self, kind: str = "spend", **options: Any) -> Chart | Layers:  # noqa: ANN401  as the chart takes them
        """Draw one of the charts of `rb.charts`: an Altair chart that draws offline.

        Args:
            kind: `spend`, `latency`, `where`, `quality_cost`, `heatmap`, `calibration` or `savings`.
            **options: as the chart takes them: `show="cost"` for the heat map, `knob=0.6` for `quality_cost`.

        Raises:
            UsageError: there is no such chart, it does not take such an option, or the frame has not the columns that it needs.
        """
        if kind not in KINDS:
            raise UsageError(f"There is no chart {kind!r}. {did_you_mean(str(kind), KINDS)}")
        from routebook.tables import charts

        if wrong := [name for name in options if name not in OPTIONS.get(kind, ())]:
            takes = ", ".join(OPTIONS.get(kind, ())) or "no options"
            raise UsageError(f"The chart {kind!r} takes {takes}, and was given {', '.join(wrong)}.")
        chart: Chart | Layers = getattr(charts, kind)(self._frame, **options)
        return chart
