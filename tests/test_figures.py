"""Figures are short, and what is unknown says so."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from routebook.notebook import figures


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (None, "unknown"),
        (math.nan, "unknown"),
        (0, "$0"),
        (Decimal("0.00027"), "$0.00027"),
        (0.5, "$0.50"),
        (Decimal("0.00000123"), "$0.0000012"),
        (1e-9, "under $0.0000001"),
        (0.99999, "$1.00"),
        (1234.5, "$1,234.50"),
        (2, "$2.00"),
    ],
)
def test_money(usd: Decimal | float | None, shown: str) -> None:
    """An unknown amount is never shown as 0."""
    assert figures.money(usd) == shown


@pytest.mark.parametrize(("usd", "shown"), [(None, "unknown"), (Decimal(0), "0"), (Decimal("0.590"), "0.59"), (Decimal(100), "100")])
def test_price(usd: Decimal | None, shown: str) -> None:
    """Hundreds must not become `1E+2`."""
    assert figures.price(usd) == shown


@pytest.mark.parametrize(("size", "shown"), [(12, "12 bytes"), (4000, "4.0 kB"), (98_362_432, "98 MB"), (5_200_000_000, "5.2 GB")])
def test_size(size: int, shown: str) -> None:
    """As a file manager shows it."""
    assert figures.size(size) == shown


def test_what_is_not_there_is_left_empty() -> None:
    """A table full of `nan` is hard to read."""
    assert (
        figures.count(None)
        == figures.count(math.nan)
        == figures.seconds(None)
        == figures.seconds(math.nan)
        == figures.gigabytes(None)
        == ""
    )


def test_one_is_not_plural() -> None:
    """`1 models` looks careless."""
    assert (figures.plural(1, "model"), figures.plural(2000, "model")) == ("1 model", "2,000 models")
