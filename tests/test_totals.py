"""The figures under `%route cost` add up, and say what they do not know."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from making import attempt
from recorded import many, recorded

from routebook.tables.points import savings
from routebook.tables.totals import totals, unpriced


def test_each_group_has_a_row_and_the_last_row_is_all() -> None:
    """A reader checks a table by its last row."""
    found = totals(recorded(many(40)), "tier")
    assert found.index[-1] == "all"
    assert set(found.index[:-1]) == {"local", "free", "paid"}
    for column in ("requests", "attempts", "tokens", "unpriced"):
        assert found[column].iloc[:-1].sum() == found.loc["all", column], column


def test_a_total_counts_what_it_could_not_price() -> None:
    """A sum over unknowns that looks complete is a lie."""
    found = totals(recorded(many(40)))
    assert found.loc["riddle", "unpriced"] == 10
    assert math.isnan(found.loc["riddle", "cost_usd"])
    assert found.loc["all", "unpriced"] == 10
    assert math.isclose(found.loc["all", "cost_usd"], 0.04)


def test_an_attempt_under_way_is_not_counted_as_unpriced() -> None:
    """Its cost is not unknown, only not there yet."""
    frame = recorded([attempt(status="running", cost_usd=None), attempt(status="error", cost_usd=None)])
    assert unpriced(frame) == 1


def test_the_dearest_comes_first() -> None:
    """One who opens the table wants to know where the money went."""
    assert totals(recorded(many(40))).index[0] == "dear"


def test_an_empty_frame_has_a_row_of_nothing() -> None:
    """Somebody's first call of it is on empty books."""
    found = totals(recorded([]))
    assert found.index.tolist() == ["all"]
    assert found.loc["all", "attempts"] == 0
    assert found.loc["all", "cost_usd"] == 0.0


def test_attempts_without_a_value_in_the_column_have_a_row_of_their_own() -> None:
    """Without it the rows do not add up to the last one."""
    found = totals(recorded([attempt(agent="tester"), attempt(agent=None)]), "agent")
    assert set(found.index) == {"tester", "(none)", "all"}


def test_failed_attempts_are_counted_and_do_not_blur_the_times() -> None:
    """A refused connection takes a millisecond, and says nothing of how quick a model is."""
    rows = [attempt(latency_s=2.0), attempt(latency_s=4.0), attempt(status="error", latency_s=0.001), attempt(status="lost")]
    found = totals(recorded(rows)).loc["all"]
    assert found["failed"] == 2
    assert found["latency_s"] == 3.0


def test_savings_are_against_the_dearest_of_the_plan() -> None:
    """It is the figure that local models are used for."""
    rows = [attempt(cost_usd=Decimal(0), baseline_usd=Decimal("0.02")), attempt(cost_usd=None, baseline_usd=Decimal(1))]
    assert math.isclose(totals(recorded(rows)).loc["all", "saved_usd"], 0.02)


def test_what_failed_has_saved_nothing() -> None:
    """To ask the dearest at once would have cost just what was paid."""
    rows = [
        attempt(request_id="a", status="error", cost_usd=Decimal(0), baseline_usd=Decimal("0.01")),
        attempt(request_id="a", attempt=2, kind="fallback", cost_usd=Decimal("0.01"), baseline_usd=Decimal("0.01")),
    ]
    assert totals(recorded(rows)).loc["all", "saved_usd"] == 0
    drawn = savings(recorded(rows)).iloc[-1]
    assert drawn["dearest_usd"] == drawn["paid_usd"] == pytest.approx(0.01)
