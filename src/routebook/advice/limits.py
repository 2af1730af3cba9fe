"""A limit that a model seems to have: above so many calls at once, or in a minute, it fails, and below it does not."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Final, NamedTuple

from routebook.advice.odds import Share, share
from routebook.advice.proposal import Edit, Found, Need, Proposal, ids
from routebook.advice.record import Record, Row
from routebook.config.values import Model

LEAST_BELOW: Final = 20
LEAST_ABOVE: Final = 12
APART: Final = 0.1
"""By so much more of the attempts above fail, surely."""
_MINUTE_S: Final = 60.0
_AT_ONCE_S: Final = 1e-6
"""Of a call whose time is not known."""


class _Step(NamedTuple):
    """Where failing begins."""

    most: int
    """The largest load below it."""
    below: Share
    above: Share
    rows: Sequence[Row]
    """The attempts above it."""

    @property
    def apart(self) -> float:
        return self.above.low - self.below.high


def limits(record: Record) -> Iterator[Found]:
    """Look at each model of the file that was refused or too slow at times."""
    for name, model in record.config.models.items():
        rows = record.sent(name)
        limited = [row for row in rows if row.status in ("rate_limited", "timeout")]
        if not limited:
            continue
        found = list(_found(name, model, rows))
        if found:
            yield max(found, key=lambda one: one[0])[1]
        elif len(limited) >= LEAST_ABOVE:
            yield Need(
                "limit",
                f"{name} was refused or too slow {len(limited)} times of {len(rows)}, but no more so when much was asked of it at once: no limit is "
                f"seen ({LEAST_BELOW} attempts below one and {LEAST_ABOVE} above it are needed)",
            )


def _found(name: str, model: Model, rows: Sequence[Row]) -> Iterator[tuple[float, Proposal]]:
    """The limits that the attempts show, each with how clearly."""
    refused = [float(row.status == "rate_limited") for row in rows]
    held_up = [float(row.status in ("rate_limited", "timeout")) for row in rows]
    looks = (
        ("max_concurrent", "calls at once", at_once(rows), held_up, model.max_concurrent),
        ("rpm", "calls within a minute", in_a_minute(rows), refused, model.rpm),
    )
    for key, words, loads, bad, now in looks:
        step = _step(rows, loads, bad)
        if step is not None and (now is None or step.most < now):
            yield step.apart, _proposal(name, key, words, step, now)


def at_once(rows: Sequence[Row]) -> list[int]:
    """How many calls to the model were under way when each was sent, itself included."""
    begins = [row.time + (row.queue_s or 0.0) for row in rows]
    ends = sorted(begin + (row.latency_s or _AT_ONCE_S) for begin, row in zip(begins, rows, strict=True))
    ordered = sorted(begins)
    return [bisect.bisect_right(ordered, begin) - bisect.bisect_right(ends, begin) for begin in begins]


def in_a_minute(rows: Sequence[Row]) -> list[int]:
    """How many calls to the model were sent in the minute that ended when each was, itself included."""
    begins = [row.time + (row.queue_s or 0.0) for row in rows]
    ordered = sorted(begins)
    return [bisect.bisect_right(ordered, begin) - bisect.bisect_right(ordered, begin - _MINUTE_S) for begin in begins]


def _step(rows: Sequence[Row], loads: Sequence[int], bad: Sequence[float]) -> _Step | None:
    """The load at which failing begins most clearly; `None` where none is clear."""
    steps = []
    for most in sorted(set(loads))[:-1]:
        below = share(one for one, load in zip(bad, loads, strict=True) if load <= most)
        above = share(one for one, load in zip(bad, loads, strict=True) if load > most)
        if most and below.n >= LEAST_BELOW and above.n >= LEAST_ABOVE:
            steps.append(_Step(most, below, above, [row for row, load in zip(rows, loads, strict=True) if load > most]))
    best = max(steps, key=lambda step: step.apart, default=None)
    return best if best is not None and best.apart >= APART else None


def _proposal(name: str, key: str, words: str, step: _Step, now: int | None) -> Proposal:
    bad = [row.latency_s for row in step.rows if row.is_failed and row.latency_s is not None]
    spared = (step.above.mean - step.below.mean) * step.above.n * fmean(bad) if bad else None
    return Proposal(
        kind="limit",
        change=f"{key} = {step.most} for model {name!r}" + (f", which is {now} now" if now is not None else ""),
        evidence=(f"refused or too slow: {step.above} with more than {step.most} {words}, {step.below} with no more",),
        doubts=("how long requests would have waited for a place is not in it",),
        saves_usd=None,
        saves_s=spared,
        over=ids(step.rows),
        requests=ids(step.rows),
        edit=Edit(table=("models", name), key=key, value=step.most),
    )
