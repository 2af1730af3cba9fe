"""`frame.route`: the charts at hand on the frame itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from routebook.errors import UsageError
from routebook.near import did_you_mean

if TYPE_CHECKING:  # altair loads only when a chart is drawn
    from routebook.tables.offline import Chart, Layers

KINDS: Final = ("spend", "latency", "where", "quality_cost", "heatmap", "calibration", "savings")


@pd.api.extensions.register_dataframe_accessor("route")
class Route:
    """Charts of a frame of attempts: `frame.route.plot("savings")`, or of a part of it."""

    def __init__(self, frame: pd.DataFrame) -> None:
        """What is drawn; it is looked at only then."""
        self._frame = frame

    def plot(self, kind: str = "spend", **options: Any) -> Chart | Layers:  # noqa: ANN401  as the chart takes them
        """Draw one of the charts of `rb.charts`: an Altair chart that draws offline.

        Args:
            kind: `spend`, `latency`, `where`, `quality_cost`, `heatmap`, `calibration` or `savings`.
            **options: as the chart takes them: `show="cost"` for the heat map.

        Raises:
            UsageError: there is no such chart, it does not take such an option, or the frame has not the columns that it needs.
        """
        if kind not in KINDS:
            raise UsageError(f"There is no chart {kind!r}. {did_you_mean(str(kind), KINDS)}")
        from routebook.tables import charts

        if options and kind != "heatmap":
            raise UsageError(f"The chart {kind!r} takes no options, and was given {', '.join(options)}.")
        chart: Chart | Layers = getattr(charts, kind)(self._frame, **options)
        return chart
