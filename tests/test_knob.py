"""The knob between quality and cost: what its settings reach, and its way into `routing.toml` with all else as it was."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from labelled_made import labelled
from making import attempt
from recorded import recorded

import routebook as rb
from routebook.config.knob import places, with_quality
from routebook.config.read import parse
from routebook.errors import ConfigError, UsageError
from routebook.tables import charts, vega
from routebook.tables.knob import settings
from routebook.tables.twin import twin

TEXT = """# mine
[providers.p]
kind = "chaos"   # here
[models]
a = { provider = "p", id = "a" }
b = { provider = "p", id = "b" }

[pools.one]   # the first
models = ["a", "b"]
pick = "best"
quality = 0.25   # cheap, mostly

[pools]
two = { models = ["a", "b"], pick = "best", quality=0.5 } # "quality = 9"
three = { models = ["a"], pick = "best" }

[[routes]]
name = "hard"  # quality = 0.1
try = ["a", "b"]
quality = 7e-1
on_refusal = { try = ["b"] }

[[routes]]
name = "chat"
try = ["one"]
"""


@pytest.mark.parametrize("place", [("pool", "one"), ("pool", "two"), ("pool", "three"), ("route", "hard"), ("route", "chat")])
def test_one_value_changes_and_nothing_else(place: tuple[str, str]) -> None:
    """Comments, blank lines and the way it was written are the user's."""
    new = with_quality(TEXT, place, 0.6)
    changed = [line for line in difflib.ndiff(TEXT.split("\n"), new.split("\n")) if line[0] in "+-"]
    assert len(changed) <= 2
    assert places(parse(new, file="t"))[place] == 0.6
    others = {other: value for other, value in places(parse(TEXT, file="t")).items() if other != place}
    assert {other: value for other, value in places(parse(new, file="t")).items() if other != place} == others
    assert new.count("#") == TEXT.count("#")


def test_what_cannot_be_changed_cleanly_is_left_to_the_hand() -> None:
    """Half a change would be worse than none."""
    with pytest.raises(UsageError, match="There is no pool 'four'"):
        with_quality(TEXT, ("pool", "four"), 0.5)
    with pytest.raises(UsageError, match=r"quality of pools.five cannot be written.*quality = 0.6 by hand"):
        with_quality("[pools.five.inner]\nx = 1\n", ("pool", "five"), 0.6)


def test_a_key_in_quotes_and_a_setting_of_a_slider_are_no_hindrance() -> None:
    """A slider says 0.6000000000000001, and nobody wants to read that."""
    quoted = TEXT.replace("quality=0.5", '"quality"=0.5')
    assert with_quality(quoted, ("pool", "two"), 0.1 * 6) == quoted.replace('"quality"=0.5', '"quality"=0.6')


def frame_of(rows: list[tuple[str, str, float, float, float]]) -> pd.DataFrame:
    """Attempts: task, model, cost, strength, vote."""
    made = [
        attempt(request_id=f"r{n}", task=task, model=model, cost_usd=Decimal(str(cost)), strength=strength, status="ok", kind="answer")
        for n, (task, model, cost, strength, _) in enumerate(rows)
    ]
    return recorded(made).assign(feedback=[vote for *_, vote in rows])


def test_the_settings_go_from_the_cheapest_to_the_best() -> None:
    """At 0 the cheap model has all, at 1 each task has the model that is best at it."""
    rows: list[tuple[str, str, float, float, float]] = []
    for n in range(20):
        rows += [("writing", "dear", 0.02, 0.5, 1.0), ("writing", "cheap", 0.0001, 0.5, float(n % 4 == 0))]
        rows += [("bug_fix", "dear", 0.02, 0.1, 0.0), ("bug_fix", "cheap", 0.0001, 0.1, 1.0)]
    found = settings(frame_of(rows))
    first, last = found.iloc[0], found.iloc[-1]
    assert found["setting"].tolist() == [round(n / 20, 2) for n in range(21)]
    assert first["to"] == "cheap 100%"
    assert sorted(last["to"].split(", ")) == ["cheap 50%", "dear 50%"]
    assert last["quality"] > first["quality"]
    assert last["usd_1000"] == pytest.approx(10.05)
    assert (found["usd_1000"].diff().dropna() >= -1e-9).all()


def test_a_frame_without_votes_has_no_settings() -> None:
    """There is nothing to weigh."""
    assert settings(frame_of([("writing", "dear", 0.02, 0.5, float("nan"))])).empty
    assert settings(pd.DataFrame({"prompt": [], "a": [], "a|total_cost": [], "b": [], "b|total_cost": []})).empty


@pytest.mark.parametrize("knob", [0.0, 0.62, 1.0])
def test_the_chart_shows_where_the_knob_stands_and_its_text_says_it(knob: float) -> None:
    """Drawn offline, with at most three hundred points."""
    frame = labelled(costs=True)
    chart: Any = charts.quality_cost(frame, knob=knob)
    spec = vega.specification(chart)
    points = next(iter(spec["datasets"].values()))
    assert len(points) <= 300
    assert sum(point["what"] == "the knob here" for point in points) == 1
    assert f"at {round(knob / 0.05) * 0.05:g}: " in twin(chart)
    with pytest.raises(UsageError, match="0 to 1"):
        charts.quality_cost(frame, knob=1.2)


ROUTING = """# what I use
[books]
path = ":memory:"
[providers.here]
kind = "chaos"
[models]
small = { provider = "here", id = "small" }
dear = { provider = "here", id = "dear" }

[pools.both]
models = ["small", "dear"]  # in no order
pick = "best"
quality = 0.3               # mostly cheap
[[routes]]
name = "chat"
try = ["both"]
"""


@pytest.fixture
def knob(tmp_path: Path) -> Iterator[rb.Knob]:
    """A knob on graded prompts, with a file to write to."""
    (tmp_path / "routing.toml").write_text(ROUTING)
    router = rb.Router.load(tmp_path / "routing.toml")
    yield rb.Knob(labelled(costs=True), router)
    router.close()


def test_the_knob_is_turned_and_written_back_with_the_comments(knob: rb.Knob, tmp_path: Path) -> None:
    """It stands where the file says; the file changes when one says so."""
    assert knob.setting == 0.3
    knob.turn(0.65)
    assert "at 0.65: " in knob.page()["text/plain"]
    assert (tmp_path / "routing.toml").read_text() == ROUTING
    assert "quality of pool both: 0.3 → 0.65, written to" in knob.write()
    assert (tmp_path / "routing.toml").read_text() == ROUTING.replace("quality = 0.3 ", "quality = 0.65 ")
    with pytest.raises(UsageError, match="Did you mean 'both'"):
        knob.write("bath")
    with pytest.raises(UsageError, match="0 to 1"):
        knob.turn(7)


def test_what_another_program_wrote_meanwhile_is_kept(knob: rb.Knob, tmp_path: Path) -> None:
    """Only the one value changes, in the file as it is now."""
    (tmp_path / "routing.toml").write_text("# from another editor\n" + ROUTING)
    knob.turn(1)
    knob.write("pool both")
    assert (tmp_path / "routing.toml").read_text().startswith("# from another editor\n# what I use")
    (tmp_path / "routing.toml").write_text("nonsense = [")
    with pytest.raises((ConfigError, UsageError)):
        knob.write()
    assert (tmp_path / "routing.toml").read_text() == "nonsense = ["
