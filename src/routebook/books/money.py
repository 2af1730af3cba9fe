"""US dollars as whole pico-dollars, so that the books' sums are exact."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

_PICO = Decimal(10) ** 12


def to_pico(usd: Decimal) -> int:
    """Pico-dollars, rounded up: a reservation is never too low."""
    return int((usd * _PICO).to_integral_value(ROUND_CEILING))


def from_pico(pico: int) -> Decimal:
    """US dollars, exact, without zeros at the end."""
    usd = Decimal(pico) / _PICO
    return usd.quantize(Decimal(1)) if usd == usd.to_integral_value() else usd.normalize()  # `normalize` alone makes 1E+1 of 10
