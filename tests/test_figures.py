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


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.312, "0.31 s"), (9.994, "9.99 s"), (12.34, "12.3 s"), (125, "2 min 5 s"), (343, "5 min 43 s"), (7500, "2 h 5 min")],
)
def test_a_time_has_the_digits_that_matter_and_the_same_everywhere(value: float, shown: str) -> None:
    """A cell that says `2 min 5 s` above a table that says `125.00 s` makes one reckon."""
    assert figures.seconds(value) == shown


def test_a_time_that_runs_down_has_no_parts_of_a_second() -> None:
    """A tenth of a second is past before it is read."""
    assert [figures.left(value) for value in (0.4, 44.3, 343.2)] == ["0 s", "44 s", "5 min 43 s"]


def test_an_amount_says_what_it_leaves_out() -> None:
    """A sum that passes over calls looks smaller than it is."""
    assert [figures.spent(Decimal("0.12"), 0), figures.spent(Decimal("0.12"), 2), figures.spent(None, 2)] == [
        "$0.12",
        "$0.12 + 2 unknown",
        "unknown",
    ]


def test_the_name_of_an_error_is_read_as_words() -> None:
    """A class of ours says nothing to who waits."""
    assert (figures.words("AuthFailed"), figures.words("429 from the provider")) == ("auth failed", "429 from the provider")


def test_one_is_not_plural() -> None:
    """`1 models` looks careless."""
    assert (figures.plural(1, "model"), figures.plural(2000, "model")) == ("1 model", "2,000 models")
