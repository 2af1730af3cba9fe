"""The charts draw whatever the books hold, in every front end that brings Vega-Lite 5."""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import pytest
from making import attempt
from recorded import many, recorded

from routebook.tables import charts, style, vega

CHARTS = (charts.spend, charts.latency, charts.where)
SIZES = (0, 1, 2, 400)


@pytest.fixture(scope="module")
def frames() -> dict[int, Any]:
    """Frames by their number of attempts."""
    return {size: recorded(many(size)) for size in SIZES}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", CHARTS)
def test_a_chart_is_a_valid_specification(draw: Any, size: int, frames: dict[int, Any]) -> None:  # noqa: ANN401
    """Altair checks what it writes against its own schema; an empty frame must pass as well."""
    spec = vega.specification(draw(frames[size]))
    assert spec["$schema"] == vega.SCHEMA
    assert spec["title"]["text"]
    assert sum(map(len, spec["datasets"].values())) <= 300


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("draw", CHARTS)
def test_vega_lite_5_draws_it(draw: Any, size: int, frames: dict[int, Any]) -> None:  # noqa: ANN401
    """JupyterLab 4 brings Vega-Lite 5, and Altair writes 6: nothing in a chart may need the newer one."""
    vl_convert = pytest.importorskip("vl_convert", reason="vl-convert-python draws without a browser: pip install vl-convert-python")
    picture = vl_convert.vegalite_to_svg(json.dumps(vega.specification(draw(frames[size]))), vl_version=vega.VL_CONVERT)
    assert picture.startswith("<svg")
    assert "NaN" not in picture


def test_tiers_keep_their_colours_whichever_of_them_occur(frames: dict[int, Any]) -> None:
    """Orange costs, in every chart and every notebook."""
    for size in (1, 400):
        scale = vega.specification(charts.where(frames[size]))["encoding"]["color"]["scale"]
        assert dict(zip(scale["domain"], scale["range"], strict=True)).items() <= style.TIER_COLOURS.items()


def test_tiers_are_stacked_from_local_to_paid(frames: dict[int, Any]) -> None:
    """The local share begins at the axis in each bar, so that bars compare; an order that Vega-Lite passes over would not show."""
    vl_convert = pytest.importorskip("vl_convert", reason="vl-convert-python draws without a browser: pip install vl-convert-python")
    drawn = vl_convert.vegalite_to_vega(json.dumps(vega.specification(charts.where(frames[400]))), vl_version=vega.VL_CONVERT)
    stacks = [step for data in drawn["data"] for step in data.get("transform", ()) if step["type"] == "stack"]
    assert [stack["sort"]["field"] for stack in stacks] == [["rank"]]


def test_the_spending_chart_says_how_many_attempts_it_leaves_out() -> None:
    """A chart of unknown prices that looks complete is a lie."""
    spec = vega.specification(charts.spend(recorded([attempt(cost_usd=None), attempt(cost_usd=None), attempt()])))
    assert spec["title"]["subtitle"] == ["2 attempts without a known price are left out"]


def test_times_keep_their_zone_in_the_page(frames: dict[int, Any]) -> None:
    """The reader's browser shows them in the reader's time, which needs the zone."""
    rows = next(iter(vega.specification(charts.spend(frames[2]))["datasets"].values()))
    assert all(row["time"].endswith("+00:00") for row in rows)


def test_the_data_is_inside_whatever_the_user_told_altair(frames: dict[int, Any]) -> None:
    """A user's own data transformer writes files, or refuses more than five thousand rows."""
    with alt.data_transformers.enable("json"):
        assert vega.specification(charts.spend(frames[400]))["datasets"]


def test_a_picture_is_a_png_where_vl_convert_is_installed(frames: dict[int, Any]) -> None:
    """A notebook that ran without a browser still shows its charts."""
    pytest.importorskip("vl_convert", reason="vl-convert-python draws without a browser: pip install vl-convert-python")
    picture = vega.picture(vega.specification(charts.latency(frames[2])))
    assert picture is not None
    assert picture.startswith("iVBOR")
