"""Charts that draw without a network wherever they are shown, with their figures as text for whoever sees no picture.

Altair's own way of showing a chart fetches its code from a CDN. These are Altair's charts in all else: `chart.properties(width=600)` works.
A chart that is composed of them (`|`, `&`, `+`) is Altair's again, and is shown Altair's way.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from routebook.tables.twin import twin
from routebook.tables.vega import MIME, picture, specification


class _Offline:
    def _repr_mimebundle_(self, *_: object, **__: object) -> dict[str, Any]:
        """The chart for JupyterLab 4, Notebook 7 and VS Code; a picture where vl-convert is installed; the figures for a terminal."""
        spec = specification(self)
        png = picture(spec)
        return {MIME: spec, "text/plain": twin(self), **({"image/png": png} if png else {})}


class Chart(_Offline, alt.Chart):
    """An Altair chart that draws offline."""


class Layers(_Offline, alt.LayerChart):
    """An Altair chart of layers that draws offline."""
