"""US dollars as whole pico-dollars, so that the books' sums are exact."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

_PICO = Decimal(10) ** 12


def to_pico(usd: Decimal) -> int:
    """Pico-dollars, rounded up: a reservation is never too low."""
    return int((usd * _PICO).to_integral_value(ROUND_CEILING))


def from_pico(pico: int) -> Decimal:
    """US dollars, exact."""
    return (Decimal(pico) / _PICO).normalize()
