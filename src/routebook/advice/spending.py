"""Spending that grows where nothing holds it: a cap, and a word before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from routebook.advice.proposal import Edit, Found, Need, Proposal, ids
from routebook.advice.record import DAY_S, Record, Row
from routebook.advice.times import nice
from routebook.config.values import Budget

WEEK_S: Final = 7 * DAY_S
GROWN: Final = 1.5
LEAST_USD: Final = 0.5
"""Of the last week; below it nobody needs a cap."""
CAP: Final = 2.0
ALERT: Final = 1.2
"""Times the last week's spending."""
EARLY: Final = 0.8
"""Of a cap that has no alert."""


def spending(record: Record) -> Iterator[Found]:
    """Compare the last week with the one before it."""
    total = record.config.budgets.get("total")
    if record.days < 2 * WEEK_S / DAY_S:
        yield Need("cap", f"{record.days:.1f} days are recorded; 14 are needed to say whether spending grows")
        return
    end = record.rows[-1].time
    last = [row for row in record.rows if row.time > end - WEEK_S]
    before = [row for row in record.rows if end - 2 * WEEK_S < row.time <= end - WEEK_S]
    spent, was = _spent(last), _spent(before)
    if spent < LEAST_USD or spent < GROWN * was:
        yield Need("cap", f"the last week cost ${spent:.2f}, the week before ${was:.2f}: it does not grow by half")
    elif total is None:
        yield _cap(last, spent, was)
    elif not total.alerts and (cap := _shortest(total)) is not None:
        yield _proposal(
            "alert", nice(EARLY * float(cap)), last, spent, was, f"an alert at ${nice(EARLY * float(cap)):g} below the cap of ${cap:g}"
        )
    else:
        yield Need("cap", f"the last week cost ${spent:.2f}, the week before ${was:.2f}; a cap holds it, with an alert below it")


def _spent(rows: Sequence[Row]) -> float:
    return sum(row.cost_usd for row in rows if row.cost_usd is not None)


def _shortest(budget: Budget) -> Decimal | None:
    return next((cap for cap in (budget.hourly, budget.daily, budget.weekly, budget.monthly) if cap is not None), None)


def _cap(last: Sequence[Row], spent: float, was: float) -> Proposal:
    value = {"weekly": nice(CAP * spent), "alert": nice(ALERT * spent)}
    if any(row.cost_usd is None and row.is_sent for row in last):
        value["unpriced"] = True
    words = f"a cap of ${value['weekly']:g} a week on everything, and an alert at ${value['alert']:g}"
    return _proposal("total", value, last, spent, was, words)


def _proposal(key: str, value: object, last: Sequence[Row], spent: float, was: float, change: str) -> Proposal:
    unpriced = sum(row.cost_usd is None and row.is_sent for row in last)
    doubts = ["it saves nothing until it is reached; then calls that cost money are refused"] if key == "total" else []
    if unpriced:
        doubts.append(f"{unpriced} attempts of the last week have no known price, and no cap counts them")
    models: dict[str, float] = {}
    for row in last:
        models[row.model] = models.get(row.model, 0.0) + (row.cost_usd or 0.0)
    dearest = max(models, key=models.__getitem__)
    return Proposal(
        kind="cap",
        change=change,
        evidence=(f"the last week cost ${spent:.2f}, the week before ${was:.2f}; most of it {dearest}, ${models[dearest]:.2f}",),
        doubts=tuple(doubts),
        saves_usd=None,
        saves_s=None,
        requests=ids(row for row in last if row.cost_usd),
        edit=Edit(table=("budgets",) if key == "total" else ("budgets", "total"), key=key, value=value),
    )
