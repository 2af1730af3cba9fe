"""Figures as people read them in tables. What is unknown says so, and is never shown as 0."""

from __future__ import annotations

import math
import re
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


def spent(usd: Decimal | float | None, unpriced: int) -> str:
    """An amount, and how many calls of unknown price it leaves out: `$0.12 + 2 unknown`."""
    amount = money(usd)
    return f"{amount} + {unpriced:,} unknown" if unpriced and amount != UNKNOWN else amount


def price(usd: Decimal | None) -> str:
    """US dollars per million tokens, without the sign: `0.59`, `0`."""
    return UNKNOWN if usd is None else f"{usd.normalize():f}"


def count(number: float | None) -> str:
    """A whole number with commas; nothing when there is none."""
    return "" if number is None or math.isnan(number) else f"{number:,.0f}"


def rate(number: float | None) -> str:
    """How many in a time: `12`, below ten with a digit more; nothing when there is none."""
    return "" if number is None or math.isnan(number) else f"{number:.1f}" if number < 10 else count(number)  # noqa: PLR2004  two digits are enough


def share(part: float | None) -> str:
    """A share of a whole, 0 to 1, in percent: `2.5%`; nothing when there is none."""
    return "" if part is None or math.isnan(part) else f"{part:.1%}"


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
    """A time as people read it: `0.31 s`, `12.4 s`, `2 min 5 s`; nothing when there is none."""
    if value is None or math.isnan(value):
        return ""
    if round(value, 2) < 10:  # noqa: PLR2004  ten seconds: two digits are enough from there on
        return f"{value:.2f} s"
    return f"{value:.1f} s" if round(value, 1) < 100 else left(value)  # noqa: PLR2004


def left(value: float) -> str:
    """A time that runs down, without parts of a second: `44 s`, `5 min 43 s`, `2 h 5 min`."""
    whole = round(value)
    if whole < 100:  # noqa: PLR2004  as many seconds as people still count
        return f"{whole} s"
    minutes, seconds = divmod(whole, 60)
    return f"{minutes} min {seconds} s" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004  the same of minutes


def plural(number: int, noun: str) -> str:
    """A number with its noun: `1 model`, `2,000 models`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def words(name: str) -> str:
    """The name of an error as words: `auth failed` for `AuthFailed`; other texts as they are."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower() if name.isidentifier() else name
