"""The charts that look back: what was worth its money, where it went, whether it was as good as believed, and what it saved."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest
from labelled_made import labelled
from making import attempt
from recorded import FIRST, many, recorded

import routebook as rb
from routebook.engine.learning import labelled as reading
from routebook.tables import charts, points, trade, twin, vega
from routebook.tables.accessor import KINDS
from routebook.tables.amounts import usd
from routebook.tables.interval import wilson
from routebook.tables.labels import placed
from routebook.tables.totals import totals

DRAW: list[tuple[str, dict[str, Any]]] = [(kind, {}) for kind in KINDS] + [("heatmap", {"show": "outcome"}), ("heatmap", {"show": "cost"})]


def voted(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A frame of attempts with votes in it, as the books give it; `feedback` stands beside an attempt's values."""
    frame = recorded([attempt(**{"request_id": f"r{n}"} | {k: v for k, v in row.items() if k != "feedback"}) for n, row in enumerate(rows)])
    return frame.assign(feedback=[float(row.get("feedback", "nan")) for row in rows])


@pytest.fixture(scope="module")
def lived() -> pd.DataFrame:
    """A frame of four hundred attempts, of which every third has a vote, and every fifth was chosen by what was believed."""
    frame = recorded(many(400))
    votes = [(n // 3) % 2 if n % 3 == 0 else float("nan") for n in range(400)]
    reasons = [
        f"first choice, best of all: believed 0.{n % 90 + 10} ± 0.11 by 9 outcomes" if n % 5 == 0 else "first choice" for n in range(400)
    ]
    return frame.assign(feedback=votes, reason=reasons)


def svg(chart: Any) -> str:  # noqa: ANN401  Altair's charts have no common type
    """The chart drawn by Vega-Lite 5, without a browser and without a network."""
    vl_convert = pytest.importorskip("vl_convert", reason="vl-convert-python draws without a browser: pip install vl-convert-python")
    return str(vl_convert.vegalite_to_svg(json.dumps(vega.specification(chart)), vl_version=vega.VL_CONVERT))


@pytest.mark.parametrize(("kind", "options"), DRAW)
def test_each_chart_draws_a_lived_frame(kind: str, options: dict[str, Any], lived: pd.DataFrame) -> None:
    """With no more than three hundred points, and with a title that says what is seen."""
    chart = lived.route.plot(kind, **options)
    spec = vega.specification(chart)
    assert spec["title"]["text"] in spec["description"]
    assert 1 < sum(map(len, spec["datasets"].values())) <= 300
    drawn = svg(chart)
    assert drawn.startswith("<svg")
    assert "NaN" not in drawn


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(("kind", "options"), DRAW)
def test_a_chart_without_a_point_says_what_to_do(kind: str, options: dict[str, Any], size: int) -> None:
    """Somebody's first chart is of empty books, or of one answer that nobody voted on."""
    chart = recorded(many(size)).route.plot(kind, **options)
    notes = " ".join(vega.specification(chart)["title"]["subtitle"])
    assert size or "Run a %%route cell" in notes
    if size and (kind in ("quality_cost", "calibration") or options == {"show": "outcome"}):
        assert "%route good" in notes
    assert svg(chart).startswith("<svg")


def test_a_chart_shows_itself_without_a_network(lived: pd.DataFrame) -> None:
    """Altair's own way fetches its code from a CDN; what is asked of a chart afterwards must not bring that back."""
    for chart in (charts.where(lived), charts.savings(lived).properties(width=300), charts.heatmap(lived)):
        shown = chart._repr_mimebundle_()
        assert shown[vega.MIME]["$schema"] == vega.SCHEMA
        assert "text/html" not in shown
        assert shown["text/plain"].startswith(shown[vega.MIME]["title"]["text"])


def test_the_text_beside_a_chart_has_its_figures() -> None:
    """A terminal, a screen reader and a page that cannot draw get the same as everybody."""
    frame = voted(
        [
            {"task": "bug_fix", "model": "dear", "cost_usd": Decimal("0.25")},
            {"task": "writing", "model": "dear", "cost_usd": Decimal("0.75")},
        ]
    )
    assert twin.twin(charts.heatmap(frame, show="cost")).splitlines()[2:] == ["   task  dear", "bug_fix $0.25", "writing $0.75"]
    assert twin.twin(charts.spend(frame)).splitlines()[-1].endswith("$1.00")
    assert "19 of 20" in twin.twin(charts.latency(recorded(many(4))))
    assert twin.twin(alt.Chart().mark_point()) == ""


def test_long_texts_are_cut_and_say_so() -> None:
    """A thousand rows in a terminal are no summary."""
    frame = pd.DataFrame({"model": [f"m{n}" for n in range(50)], "answers": range(50)})
    assert twin.table(frame).splitlines()[-1] == "… and 30 more"


def test_models_stand_where_their_votes_and_costs_say() -> None:
    """The point of the chart is to choose by it."""
    rows = [{"model": "dear", "cost_usd": Decimal("0.02"), "feedback": 1}] * 3 + [
        {"model": "dear", "cost_usd": Decimal("0.04"), "feedback": 0}
    ]
    rows += [{"model": "small", "tier": "local", "cost_usd": Decimal(0), "feedback": n % 2} for n in range(4)]
    rows += [
        {"model": "poor", "cost_usd": Decimal("0.01"), "feedback": 0},
        {"model": "riddle", "cost_usd": None, "feedback": 1},
        {"model": "mute"},
    ]
    found = trade.voted(voted(rows)).set_index("model")
    assert list(found.index) == ["dear", "small", "poor"]
    assert found["quality"].tolist() == [0.75, 0.5, 0.0]
    assert found["usd_1000"].tolist() == pytest.approx([25.0, 0.0, 10.0])
    assert found["votes"].tolist() == [4, 4, 1]
    assert found["front"].tolist() == [True, True, False]
    assert ((found["low"] <= found["quality"]) & (found["quality"] <= found["high"])).all()
    assert "left out: 2 models" in " ".join(vega.specification(charts.quality_cost(voted(rows)))["title"]["subtitle"])


def test_the_interval_is_wilsons() -> None:
    """Eight of ten good answers may come from a model that is right half of the time; one of one tells nearly nothing."""
    low, high = wilson(pd.Series([0.8, 1.0]).to_numpy(), pd.Series([10.0, 1.0]).to_numpy())
    assert low.tolist() == pytest.approx([0.4902, 0.2065], abs=1e-4)
    assert high.tolist() == pytest.approx([0.9433, 1.0], abs=1e-4)


def test_graded_prompts_give_singles_chance_routed_and_oracle() -> None:
    """What routing is worth is seen between what needs no routing and what no routing beats."""
    frame = labelled(120, costs=True)
    found, saved = trade.graded(frame)
    single = found[found["what"] == trade.SINGLE].set_index("model")
    assert single["quality"].to_dict() == pytest.approx({"dear": frame["dear"].mean(), "small": frame["small"].mean()})
    assert single["usd_1000"].to_dict() == pytest.approx({"dear": 10.0, "small": 0.1})
    chance = found[found["what"] == trade.RANDOM].iloc[0]
    assert (chance["quality"], chance["usd_1000"]) == pytest.approx((frame[["dear", "small"]].to_numpy().mean(), 5.05))
    best = {what: part["quality"].max() for what, part in found.groupby("what")}
    assert best[trade.ORACLE] == pytest.approx(frame[["dear", "small"]].max(axis=1).mean())
    assert best[trade.ORACLE] >= best[trade.ROUTED] >= single["quality"].max() - 0.05
    assert saved is not None
    assert 0.2 < saved < 0.7, "half of the prompts are about cooking, where the small model does as well"
    assert len(found) <= 300


def test_graded_prompts_are_drawn() -> None:
    """Both with a routed curve and, where there are too few prompts to learn from, without one."""
    for n, says in ((120, "routed keeps 95%"), (12, "too few")):
        chart = charts.quality_cost(labelled(n, costs=True))
        assert says in " ".join(vega.specification(chart)["title"]["subtitle"])
        assert "NaN" not in svg(chart)
    assert "oracle" in twin.twin(chart)
    assert "No prompt" in vega.specification(charts.quality_cost(labelled(4, costs=True).head(0)))["description"]


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [("small", 3.0, "from 0 to 1"), ("small|total_cost", -1.0, "0 or more"), ("small", "good", "must hold numbers")],
)
def test_a_graded_frame_that_cannot_be_read_says_why(column: str, value: Any, says: str) -> None:  # noqa: ANN401
    """A chart of marks from 1 to 5 would look right and be wrong."""
    with pytest.raises(rb.UsageError, match=says):
        charts.quality_cost(labelled(40, costs=True).assign(**{column: value}))
    with pytest.raises(rb.UsageError, match="two models or more"):
        charts.quality_cost(labelled(40, costs=True).drop(columns="small"))


def test_a_graded_frame_is_the_one_that_evaluate_reads() -> None:
    """One frame for both; the floors keep the two from sharing the word."""
    assert trade.COST == reading.COST
    assert trade.LEAST == reading.LEAST


def test_a_cell_of_the_heat_map_is_what_was_asked_for() -> None:
    """Prompts, votes and costs of a task and a model, and none of another's."""
    rows: list[dict[str, Any]] = [
        {"task": "writing", "model": "dear", "cost_usd": Decimal("0.02"), "feedback": 1},
        {"task": "writing", "model": "dear", "cost_usd": Decimal("0.04"), "feedback": 0},
        {"task": "writing", "model": "dear", "cost_usd": None},
        {"task": "writing", "model": "small", "cost_usd": Decimal(0)},
        {"task": "bug_fix", "model": "small", "cost_usd": Decimal(0), "feedback": 1},
        {"task": "bug_fix", "model": "dear", "status": "error", "cost_usd": Decimal(0)},
        {"task": "bug_fix", "model": "probe", "kind": "health"},
    ]
    frame = voted(rows)
    found = {show: points.cells(frame, show).set_index(["task", "model"]) for show in ("count", "outcome", "cost")}
    dear, small = ("writing", "dear"), ("writing", "small")
    assert found["count"]["value"].to_dict() == {dear: 3, small: 1, ("bug_fix", "small"): 1}
    assert found["outcome"]["value"].to_dict() == {dear: 0.5, ("bug_fix", "small"): 1.0}
    assert found["cost"]["value"].to_dict() == pytest.approx({dear: 0.03, small: 0.0, ("bug_fix", "small"): 0.0})
    assert found["outcome"].loc[dear, "n"] == 2


def test_a_heat_map_keeps_the_busiest_and_stays_small() -> None:
    """Forty tasks by forty models would be sixteen hundred cells that nobody reads."""
    rows = [attempt(request_id=f"r{n}", task=f"t{n % 40}", model=f"m{n // 40}") for n in range(1600)]
    rows += [attempt(request_id=f"s{n}", task="busy", model="workhorse") for n in range(50)]
    found = points.cells(recorded(rows), "count")
    assert len(found) <= 300
    assert found["task"].iloc[0] == "busy"


def test_what_was_saved_is_what_the_totals_say(lived: pd.DataFrame) -> None:
    """Two answers to one question are one too many; what is unknown is left out of both."""
    cached = attempt(
        request_id="c", time=FIRST + dt.timedelta(days=9), kind="cache", status="cached", cost_usd=Decimal(0), baseline_usd=Decimal("0.5")
    )
    dearer = attempt(request_id="d", time=FIRST + dt.timedelta(days=9), cost_usd=Decimal("0.3"), baseline_usd=Decimal("0.1"))
    frame = recorded([*many(400), cached, dearer])
    last, total = points.savings(frame).iloc[-1], totals(frame).loc["all"]
    assert last["dearest_usd"] - last["paid_usd"] == pytest.approx(total["saved_usd"] + total["replayed_usd"])
    assert "left out: 100 attempts" in vega.specification(charts.savings(lived))["description"]


def test_belief_meets_votes_in_tenths() -> None:
    """Of four answers believed at 0.72 and 0.78 three were good; what was drawn while exploring is no belief."""
    why = ["best of all: believed 0.72 ± 0.11 by 9 outcomes", "exploring, instead of big: drew 0.95, believed 0.78 ± 0.20 by 1 outcome"] * 2
    rows: list[dict[str, Any]] = [{"reason": reason, "feedback": vote} for reason, vote in zip(why, (1, 0, 1, 1), strict=True)]
    rows += [
        {"reason": "believed 1.00 ± 0.00 by its profile", "feedback": 0},
        {"reason": "believed 0.62 ± 0.10 by 2 outcomes", "feedback": 0},
        {"reason": "believed 0.30 ± 0.1"},
        {"reason": "first", "feedback": 1},
    ]
    found = points.expectations(voted(rows))
    assert found["believed"].tolist() == pytest.approx([0.62, 0.75, 1.0])
    assert found["good"].tolist() == [0.0, 0.75, 0.0]
    assert found["votes"].tolist() == [1, 4, 1]


def test_the_routers_own_frame_has_the_accessor(tmp_path: Path) -> None:
    """`router.frame().route.plot()` in the first cell after a prompt, without another import."""
    file = tmp_path / "routing.toml"
    file.write_text('[books]\npath = ":memory:"\n[providers.home]\nkind = "chaos"\nchaos = { reply = "Four." }\n[models.m]\nprovider = "home"\nid = "m"\n[[routes]]\nname = "chat"\ntry = ["m"]\n', encoding="utf-8")  # fmt: skip

    async def asked() -> pd.DataFrame:
        async with rb.Router.load(str(file)) as router:
            await router.ask("What is two and two?")
            return router.frame()

    frame = asyncio.run(asked())
    script = "import sys, pandas, routebook.tables.frame; pandas.DataFrame().route; print('altair' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout == "False\n"
    assert [points["model"] for points in frame.route.plot("latency").data.to_dict("records")] == ["m"]


def test_the_column_of_that_name_is_still_asked(lived: pd.DataFrame) -> None:
    """`frame[frame.route == "chat"]` was written before there were charts, and must not fail or, worse, choose nothing."""
    assert len(lived[lived.route == "chat"]) == len(lived)
    assert not (lived.route != "chat").any()
    assert lived.route.value_counts().to_dict() == {"chat": 400}
    assert "savings" in repr(lived.route)
    assert not hasattr(lived.route, "no_such_thing")
    assert not hasattr(pd.DataFrame({"a": [1]}).route, "value_counts")


def test_a_wrong_wish_is_answered_with_the_right_names(lived: pd.DataFrame) -> None:
    """A typing error costs a second, not a look into the documents."""
    with pytest.raises(rb.UsageError, match="'savings'"):
        lived.route.plot("saving")
    with pytest.raises(rb.UsageError, match="'outcome'"):
        lived.route.plot("heatmap", show="outcomes")
    with pytest.raises(rb.UsageError, match="takes no options"):
        lived.route.plot("spend", show="cost")
    with pytest.raises(rb.UsageError, match=r"no cost_usd, status"):
        rb.charts.spend(lived[["time", "tier"]])


def test_names_of_near_points_do_not_cover_each_other() -> None:
    """First above, then below, then none: a hidden name is found in the tooltip, a smeared one nowhere."""
    near = pd.DataFrame({"model": ["a", "b", "c", "far"], "usd": [1.0, 1.0, 1.0, 9.0], "q": [0.5, 0.5, 0.5, 0.5], "low": 0.0, "high": 1.0})
    found = placed(near, name="model", x="usd", y=("q", "low", "high"))
    assert found["label"].tolist() == ["a", "b", "", "far"]
    assert found["below"].tolist() == [False, True, False, False]


def test_amounts_are_short() -> None:
    """They stand in cells and titles."""
    assert [usd(value) for value in (0, 1234.5, 1, 0.999, 0.5, 0.0123, 0.00042, 0.0000012)] == [
        "$0", "$1,234.50", "$1.00", "$1.00", "$0.50", "$0.012", "$0.00042", "$0.0000012",
    ]  # fmt: skip
