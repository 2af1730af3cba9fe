"""A chart's specification, in the edition that front ends draw without a network.

JupyterLab 4, Notebook 7 and VS Code bring Vega-Lite 5; Altair 6 writes Vega-Lite 6. The charts here use nothing that differs between the
two, so their specification is handed on as the older edition.
"""

from __future__ import annotations

import base64
import json
from importlib.util import find_spec
from typing import Any, Final

import altair as alt

from routebook.tables.twin import said

MIME: Final = "application/vnd.vegalite.v5+json"
SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
VL_CONVERT: Final = "5.8"
"""The edition nearest to JupyterLab's (5.6) that vl-convert has."""


def specification(chart: Any) -> dict[str, Any]:  # noqa: ANN401  Altair's charts have no common type
    """The specification with its data inside, whatever the user told Altair about data; its title is what a screen reader says of the drawing."""
    with alt.data_transformers.enable("default"):
        spec: dict[str, Any] = chart.to_dict()
    return {"description": ". ".join(said(spec.get("title"))) or "a chart", **spec, "$schema": SCHEMA}


def picture(spec: dict[str, Any]) -> str | None:
    """A PNG in base64; `None` where vl-convert is not installed."""
    if find_spec("vl_convert") is None:
        return None
    import vl_convert

    return base64.b64encode(vl_convert.vegalite_to_png(json.dumps(spec), vl_version=VL_CONVERT)).decode()
