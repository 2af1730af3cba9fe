"""A time limit that cuts off answers that would have come, or one so long that a model that hangs is waited for in vain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from routebook.advice.odds import share
from routebook.advice.proposal import Edit, Found, Need, Proposal, ids
from routebook.advice.record import Record, Row
from routebook.config.values import Timeouts

LEAST_ANSWERS: Final = 20
LEAST_CUT: Final = 5
CUT: Final = 0.03
"""Surely more than this share was cut off."""
NEAR: Final = 0.6
"""The slowest of 20 answers came after this share of the limit: they run up to it."""
LEAST_CALM: Final = 50
FAR: Final = 5.0
"""The slowest answer came in a fifth of the limit."""
ROOM: Final = 3.0
"""A limit lowered leaves so many times what the slowest took."""
LEAST_S: Final = 5.0
_USUAL: Final = Timeouts()
"""What holds where nobody wrote a limit: it is left alone as long as nothing ran into it."""


class _Time(NamedTuple):
    """One of the times of a model."""

    key: str
    words: str
    """What the error says when it runs out."""
    what: str


TIMES: Final = (
    _Time("first_token_s", "no first token", "first token"),
    _Time("total_s", "the answer was not complete", "whole answer"),
)


def times(record: Record) -> Iterator[Found]:
    """Look at the limits of each model of the file."""
    for name, model in record.config.models.items():
        for time in TIMES:
            yield from _of(name, model.timeout, time, record.sent(name))


def _of(name: str, limits: Timeouts, time: _Time, rows: Sequence[Row]) -> Iterator[Found]:
    limit_s: float = getattr(limits, time.key)
    took = sorted(value for row in rows if row.status == "ok" and (value := _took(row, time)) is not None)
    cut = [row for row in rows if row.status == "timeout" and _ran_out(row, time) == limit_s]
    if len(took) < LEAST_ANSWERS:
        if len(cut) >= LEAST_CUT:
            yield Need(
                "timeout",
                f"{name}: {len(cut)} were cut off at {time.key} = {limit_s:g}, {len(took)} answered; {LEAST_ANSWERS} answers are needed",
            )
        return
    slow, slowest = took[(len(took) * 95 - 1) // 100], took[-1]
    off = share([1.0] * len(cut) + [0.0] * len(took))
    if len(cut) >= LEAST_CUT and off.low >= CUT and slow >= NEAR * limit_s:
        yield _longer(name, time, limit_s, slow, cut, rows, f"{len(cut)} of {off.n} ({off.low:.0%} to {off.high:.0%})")
    elif (
        (cut or limit_s != getattr(_USUAL, time.key))
        and len(took) >= LEAST_CALM
        and slowest * FAR <= limit_s
        and (shorter := nice(max(LEAST_S, ROOM * slowest))) <= limit_s / 2
    ):
        yield _shorter(name, time, limit_s, shorter, took, cut, rows)


def _took(row: Row, time: _Time) -> float | None:
    return row.ttft_s if time.key == "first_token_s" else row.latency_s


def _ran_out(row: Row, time: _Time) -> float | None:
    """The limit that an attempt ran into, of this kind; `None` when it was another."""
    found = re.search(rf"{time.words} within ([0-9.e+]+) s", row.error or "")
    return float(found[1]) if found else None


def _longer(name: str, time: _Time, limit_s: float, slow: float, cut: Sequence[Row], rows: Sequence[Row], off: str) -> Proposal:
    return Proposal(
        kind="timeout",
        change=f"{time.key} = {nice(2 * limit_s):g} for model {name!r}, which is {limit_s:g} now",
        evidence=(
            f"{off} were cut off at {limit_s:g} s",
            f"of those that answered one in twenty took {slow:.1f} s or more to the {time.what}: answers run up to the limit",
        ),
        doubts=("how many of those that were cut off would have answered, and when, is not known",),
        saves_usd=None,
        saves_s=None,
        over=ids(cut),
        requests=ids([*cut, *(row for row in rows if row.status == "ok")]),
        edit=Edit(table=("models", name, "timeout"), key=time.key, value=nice(2 * limit_s)),
    )


def _shorter(
    name: str, time: _Time, limit_s: float, shorter: float, took: Sequence[float], cut: Sequence[Row], rows: Sequence[Row]
) -> Proposal:  # fmt: skip
    hung = f"{len(cut)} attempts hung to its end" if cut else "no attempt has hung yet, so it would have saved nothing so far"
    return Proposal(
        kind="timeout",
        change=f"{time.key} = {shorter:g} for model {name!r}, which is {limit_s:g} now",
        evidence=(f"the slowest {time.what} of {len(took):,} took {took[-1]:.1f} s; {hung}",),
        saves_usd=None,
        saves_s=len(cut) * (limit_s - shorter),
        over=ids(cut),
        requests=ids(row for row in rows if row.status in ("ok", "timeout")),
        edit=Edit(table=("models", name, "timeout"), key=time.key, value=shorter),
    )


def nice(value: float) -> float:
    """Rounded up to a figure that a person would write: 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten."""
    power = 1.0
    while value > 10 * power:
        power *= 10
    while value <= power / 10:
        power /= 10
    steps = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
    return round(next(step * power for step in steps if step * power >= value * (1 - 1e-9)), 9)
