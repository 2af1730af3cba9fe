"""Caps in a storm: of each kind one that is reached, and what the servers and the books say of it afterwards."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from served import PRICE

from routebook.books.budgets import spent_pusd
from routebook.books.money import from_pico
from routebook.books.pools import states, used
from routebook.engine.router import Router
from routebook.messages import Attempt
from routebook.testing import SeenCall

RPM, RPD, TPM = 8, 12, 700
MODEL_USD, TOTAL_USD, CELL_USD = Decimal("0.0012"), Decimal(100), Decimal("0.0015")
POOL_TOKENS: Final = 1500
ONE_USD, ONE_TOKENS = Decimal("0.0005"), 150
"""More than is reserved for one call. What a server had said to one who left before, it counts, and the books estimate."""
POOL: Final = "capped"
LIMITS: Final[dict[str, dict[str, int]]] = {
    "openai-capped": {"rpm": RPM}, "gemini-capped": {"tpm": TPM}, "ollama-capped": {"rpd": RPD},
}  # fmt: skip
BUDGETS: Final[dict[str, Any]] = {"total": {"daily": TOTAL_USD}, "anthropic-capped": {"daily": MODEL_USD}}
_MINUTE_S: Final = 60.0
_NEARLY: Final = Decimal("0.7")
"""What is left is too little to be reserved for one call."""
_SAME_S: Final = 0.02
"""So far apart may two clocks see the beginning of the same call."""


class Cap(NamedTuple):
    """How much of a cap was used at most."""

    what: str
    used: Decimal
    most: Decimal
    leeway: Decimal = Decimal(0)
    """By so much may it be exceeded: one reservation, where only the server knows."""


def caps_of(of: Router, kept: Sequence[Attempt], calls: Iterable[SeenCall]) -> list[Cap]:
    """What each cap came to, by the servers where they can tell, and by the books."""
    by_model: dict[str, list[SeenCall]] = {}
    for call in calls:
        by_model.setdefault(call.model, []).append(call)
    pool = [call for name, some in by_model.items() if name.endswith(f"-{POOL}") for call in some]
    books = of.runtime().books
    in_books = books.read(lambda connection: spent_pusd(connection, "model:anthropic-capped", since=0))
    (state,) = books.read(lambda connection: list(states(connection, books.pools, now=kept[-1].time)))
    return [
        _cap("requests a minute", _busiest((call.time_s, 1) for call in by_model.get("openai-capped", ())), RPM),
        _cap("requests a day", len(by_model.get("ollama-capped", ())), RPD),
        _cap("tokens a minute", _busiest((call.time_s, _tokens(call)) for call in by_model.get("gemini-capped", ())), TPM, ONE_TOKENS),
        _cap("dollars of a model, by the server", sum(map(_usd, by_model.get("anthropic-capped", ())), Decimal(0)), MODEL_USD, ONE_USD),
        _cap("dollars of a model, by the books", from_pico(in_books), MODEL_USD),
        _cap("tokens of a pool, by the servers", sum(map(_tokens, pool)), POOL_TOKENS, ONE_TOKENS),
        _cap("tokens of a pool, by the books", books.read(lambda connection: used(connection, state.pool, since=0)), POOL_TOKENS),
    ]


def over_caps(found: Iterable[Cap], kept: Iterable[Attempt], *, cells: Mapping[str, Decimal]) -> list[str]:
    """Everything that is more than it may be; `cells` has the caps of those requests that have one of their own."""
    spent: dict[str, Decimal] = {}
    for row in kept:
        if row.cell_id is not None and row.cell_id in cells:
            spent[row.cell_id] = spent.get(row.cell_id, Decimal(0)) + (row.cost_usd or Decimal(0))
    dear = [f"request {cell} cost {usd}, and its cell's budget is {cells[cell]}" for cell, usd in spent.items() if usd > cells[cell]]
    return [f"{cap.used} {cap.what}, and the cap is {cap.most}" for cap in found if cap.used > cap.most + cap.leeway] + dear


def _cap(what: str, used: Decimal | int, most: Decimal | int, leeway: Decimal | int = 0) -> Cap:
    return Cap(what, Decimal(used), Decimal(most), Decimal(leeway))


def reached(found: Iterable[Cap]) -> list[str]:
    """The caps that were all but used up."""
    return [cap.what for cap in found if cap.used >= cap.most * _NEARLY]


def _busiest(counts: Iterable[tuple[float, int]]) -> int:
    """The most in any minute."""
    ordered = sorted(counts)
    times = [time for time, _ in ordered]
    return max(
        (sum(count for _, count in ordered[at : bisect.bisect_left(times, time + _MINUTE_S - _SAME_S)]) for at, time in enumerate(times)),
        default=0,
    )


def _tokens(call: SeenCall) -> int:
    return (call.input_tokens or 0) + (call.output_tokens or 0)


def _usd(call: SeenCall) -> Decimal:
    return (Decimal(PRICE["input"]) * (call.input_tokens or 0) + Decimal(PRICE["output"]) * (call.output_tokens or 0)) / 1_000_000
