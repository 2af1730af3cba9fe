"""Amounts of money in a chart: few digits, because a chart is read at a glance."""

from __future__ import annotations


def usd(value: float) -> str:
    """US dollars to the cent, below a dollar to two digits that matter: `$12.30`, `$0.0011`, `$0`."""
    if not value or value >= 1:
        return f"${value:,.2f}" if value else "$0"
    return f"${value:.{max(2, 1 - _exponent(value))}f}"


def _exponent(value: float) -> int:
    return int(f"{value:.1e}".partition("e")[2])
