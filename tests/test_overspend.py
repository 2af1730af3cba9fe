"""Kernels that share a cap cannot spend more than it together, whatever a server makes of each call."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from overspending import overspend


def test_kernels_that_share_a_cap_never_pass_it_and_use_it_up(tmp_path: Path) -> None:
    """Three kernels with forty cells each, one dollar, answers of any length: what the provider bills is at most a dollar."""
    spent = overspend(tmp_path, kernels=3, cells=40)
    assert set(spent.outcomes) == {"answer", "BudgetExceeded"}, spent.outcomes
    assert sum(spent.outcomes.values()) == 120
    assert spent.in_books == spent.in_budget == spent.at_server <= 1
    assert spent.in_books > Decimal("0.3")  # it was not held back for nothing
    assert spent.reserved == 0
    assert all("The daily budget of 'total' is $1;" in one and "It resets at " in one for one in spent.said)
