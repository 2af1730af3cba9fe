"""Figures as people read them in tables. What is unknown says so, and is never shown as 0."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

UNKNOWN: Final = "unknown"
LEAST_USD: Final = 1e-7
"""Below it an amount is only said to be small."""


def money(usd: Decimal | float | None) -> str:
    """US dollars to the digits that matter: `$12.30`, `$0.50`, `$0.00042`, `$0`."""
    if usd is None or math.isnan(usd):
        return UNKNOWN
    if usd == 0:
        return "$0"
    if usd < LEAST_USD:
        return f"under ${LEAST_USD:.7f}"
    if usd >= 1:
        return f"${usd:,.2f}"
    whole, _, part = f"{usd:.{max(4, 1 - math.floor(math.log10(usd)))}f}".partition(".")
    return f"${whole}.{part.rstrip('0').ljust(2, '0')}"


def price(usd: Decimal | None) -> str:
    """US dollars per million tokens, without the sign: `0.59`, `0`."""
    return UNKNOWN if usd is None else f"{usd.normalize():f}"


def count(number: float | None) -> str:
    """A whole number with commas; nothing when there is none."""
    return "" if number is None or math.isnan(number) else f"{number:,.0f}"


def gigabytes(size_gb: float | None) -> str:
    """Memory: `5.2 GB`."""
    return "" if size_gb is None else f"{size_gb:.1f} GB"


def size(size_bytes: int) -> str:
    """A file's size: `98 MB`, `12 kB`."""
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= one:
            shown = size_bytes / one
            return f"{shown:.1f} {unit}" if shown < 10 else f"{shown:.0f} {unit}"  # noqa: PLR2004  two digits are enough from ten on
    return f"{size_bytes} bytes"


def seconds(value: float | None) -> str:
    """A time: `0.31 s`; nothing when there is none."""
    return "" if value is None or math.isnan(value) else f"{value:.2f} s"


def plural(number: int, noun: str) -> str:
    """A number with its noun: `1 model`, `2,000 models`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
