"""What the board shows, reckoned from the newest attempts: no pandas, because it is done twice a second."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple

from routebook.books.recent import Recent
from routebook.messages import TIERS

MINUTES: Final = 60
_MINUTE_US: Final = 60_000_000
_FAILED: Final = ("error", "timeout", "rate_limited", "lost")


class Minute(NamedTuple):
    """One minute."""

    attempts: int
    failed: int


class ModelFigures(NamedTuple):
    """One model. Times are medians of the answers, in seconds; `None` without one."""

    model: str
    tier: str
    attempts: int
    failed: int
    fallbacks: int
    """Attempts made because another model did not answer."""
    ttft_s: float | None
    latency_s: float | None
    cost_pusd: int
    unpriced: int


class TierFigures(NamedTuple):
    """One tier."""

    tier: str
    attempts: int
    cost_pusd: int
    unpriced: int


class Figures(NamedTuple):
    """All of it."""

    requests: int
    attempts: int
    failed: int
    cached: int
    cost_pusd: int
    unpriced: int
    saved_pusd: int
    """What the cache spared."""
    minutes: tuple[Minute, ...]
    """The last hour, the oldest first."""
    tiers: tuple[TierFigures, ...]
    models: tuple[ModelFigures, ...]
    tasks: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    """Where each task's prompts went: the models that answered, the most used first."""


def figures(rows: Sequence[Recent], *, now: int) -> Figures:
    """Reckon the figures; `now` in microseconds since 1970."""
    cached = [row for row in rows if row.status == "cached"]
    sent = [row for row in rows if row.status != "cached"]
    tiers = _by(sent, "tier")
    return Figures(
        requests=len({row.request_id for row in rows}),
        attempts=len(sent),
        failed=_failed(sent),
        cached=len(cached),
        cost_pusd=_cost(sent),
        unpriced=_unpriced(sent),
        saved_pusd=sum(row.baseline_pusd or 0 for row in cached),
        minutes=_minutes(sent, now),
        tiers=tuple(TierFigures(tier, len(own), _cost(own), _unpriced(own)) for tier in TIERS if (own := tiers.get(tier))),
        models=tuple(sorted((_model(name, own) for name, own in _by(sent, "model").items()), key=lambda one: -one.attempts)),
        tasks=_tasks(rows),
    )


def with_tiers(found: Figures, tiers: Mapping[str, tuple[int, int, int]]) -> Figures:
    """The figures with attempts, cost and unknown prices by tier as counted elsewhere, over more attempts than were read."""
    own = tuple(TierFigures(tier, *tiers[tier]) for tier in TIERS if tier in tiers)
    return found._replace(tiers=own, cost_pusd=sum(one.cost_pusd for one in own), unpriced=sum(one.unpriced for one in own))


def _model(name: str, rows: Sequence[Recent]) -> ModelFigures:
    answered = [row for row in rows if row.status == "ok"]
    return ModelFigures(
        model=name, tier=rows[0].tier, attempts=len(rows), failed=_failed(rows), fallbacks=sum(row.kind == "fallback" for row in rows),
        ttft_s=_median(row.ttft_s for row in answered), latency_s=_median(row.latency_s for row in answered),
        cost_pusd=_cost(rows), unpriced=_unpriced(rows),
    )  # fmt: skip


def _tasks(rows: Iterable[Recent]) -> tuple[tuple[str, tuple[tuple[str, int], ...]], ...]:
    went: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row.status in ("ok", "cached"):
            went[row.task][row.model] += 1
    by_size = sorted(went.items(), key=lambda item: -item[1].total())
    return tuple((task, tuple(models.most_common())) for task, models in by_size)


def _minutes(rows: Iterable[Recent], now: int) -> tuple[Minute, ...]:
    this = now // _MINUTE_US
    attempts: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    for row in rows:
        minute = this - row.time // _MINUTE_US
        if 0 <= minute < MINUTES:
            attempts[minute] += 1
            failed[minute] += row.status in _FAILED
    return tuple(Minute(attempts[minute], failed[minute]) for minute in range(MINUTES - 1, -1, -1))


def _by(rows: Iterable[Recent], name: str) -> dict[str, list[Recent]]:
    found: dict[str, list[Recent]] = {}
    for row in rows:
        found.setdefault(getattr(row, name), []).append(row)
    return found


def _failed(rows: Iterable[Recent]) -> int:
    return sum(row.status in _FAILED for row in rows)


def _cost(rows: Iterable[Recent]) -> int:
    return sum(row.cost_pusd or 0 for row in rows)


def _unpriced(rows: Iterable[Recent]) -> int:
    return sum(row.cost_pusd is None and row.status not in ("running", *_FAILED) for row in rows)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
