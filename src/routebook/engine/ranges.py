"""Numbers that a caller gives: each within its range, or an error that says which it is."""

from __future__ import annotations

import math
from decimal import Decimal
from numbers import Real
from typing import Any

from routebook.errors import UsageError


def check_range(name: str, value: Any, least: float, most: float = math.inf) -> None:  # noqa: ANN401  whatever a caller gives
    """Check one number.

    Raises:
        UsageError: it is none, or out of its range.
    """
    is_number = isinstance(value, Real | Decimal) and math.isfinite(value)  # numpy's numbers are Real
    if not is_number:
        raise UsageError(f"{name} must be a finite number, not {value!r}.")
    if not least <= value <= most:
        span = f"at least {least}" if most == math.inf else f"between {least} and {most}"
        raise UsageError(f"{name} must be {span}, not {value}.")


def plain(value: Any) -> Any:  # noqa: ANN401  whatever a caller gives
    """A number of numpy's as Python's own, which can be sent and written down; all else as it is."""
    return value.item() if isinstance(value, Real) and hasattr(value, "item") else value


def usd(name: str, value: float | Decimal | None) -> Decimal | None:
    """An amount of US dollars, by its digits: 0.1 is a tenth; `None` stays `None`.

    Raises:
        UsageError: it is none, or below 0.
    """
    if value is None:
        return None
    check_range(name, value, 0)
    return Decimal(str(value))
