"""Charts stay light: whatever the books hold, a few hundred points are drawn."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pandas as pd
import pytest
from making import attempt
from recorded import many, recorded

from routebook.tables import points


@pytest.fixture(scope="module")
def ten_thousand() -> pd.DataFrame:
    """A frame of ten thousand attempts."""
    return recorded(many(10_000))


def test_ten_thousand_attempts_become_at_most_three_hundred_points(ten_thousand: pd.DataFrame) -> None:
    """A page that gets every row stands still for seconds."""
    for draw in (points.spending, points.waits, points.destinations):
        assert 0 < len(draw(ten_thousand)) <= 300


def test_the_running_total_ends_at_what_was_spent(ten_thousand: pd.DataFrame) -> None:
    """Thinning out must not lose money."""
    spent = points.spending(ten_thousand)
    assert spent.groupby("tier")["spent_usd"].last().sum() == pytest.approx(ten_thousand["cost_usd"].sum())
    assert spent.groupby("tier")["spent_usd"].is_monotonic_increasing.all()


def test_a_single_attempt_makes_a_line_that_can_be_seen() -> None:
    """An area over a single moment has no width, so the first chart that somebody sees would be empty."""
    spent = points.spending(recorded([attempt()]))
    assert spent["spent_usd"].tolist() == [0.0, 0.001, 0.001]
    assert spent["time"].is_monotonic_increasing


def test_attempts_without_a_known_cost_are_not_drawn_as_free() -> None:
    """They are left out, and the chart's subtitle counts them."""
    assert points.spending(recorded([attempt(cost_usd=None)])).empty


@pytest.mark.parametrize("draw", [points.spending, points.waits, points.destinations])
def test_an_empty_frame_makes_no_points(draw: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Somebody's first chart is of empty books."""
    assert draw(recorded([])).empty


def test_the_most_used_models_are_drawn_not_the_quickest() -> None:
    """With forty models the one that does all the work must not be missing."""
    rows = [attempt(request_id=f"r{n}", model=f"m{n}", latency_s=0.1) for n in range(40)]
    rows += [attempt(request_id=f"s{n}", model="workhorse", latency_s=9.0) for n in range(3)]
    found = points.waits(recorded(rows))
    assert len(found) == points.MOST_MODELS
    assert found["model"].iloc[-1] == "workhorse"


def test_a_prompt_went_to_the_model_that_answered_it() -> None:
    """A fallback's first attempt is where a prompt failed, not where it went; a health check is no prompt."""
    rows = [
        attempt(request_id="a", model="first", status="error", cost_usd=Decimal(0)),
        attempt(request_id="a", model="second", kind="fallback", attempt=2),
        attempt(request_id="b", model="probe", kind="health"),
    ]
    assert points.destinations(recorded(rows)).to_dict("records") == [{"task": "chat_qa", "model": "second", "tier": "paid", "prompts": 1}]
