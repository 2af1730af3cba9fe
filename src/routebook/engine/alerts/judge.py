"""Whether what happened lately passes a threshold of `[alerts]`. No I/O: it is given what the books have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from routebook.books.pools import PoolState
from routebook.books.quota_view import LimitLine
from routebook.books.recent import Recent
from routebook.config.alerts import Alerts

_HIGH: Final = 0.95
"""So many of the answers must be there in time."""


class Alarm(NamedTuple):
    """A threshold that is passed."""

    key: str
    """The same for the same threshold, so that it is not said again and again."""
    text: str
    """A sentence, for people."""


class Lately(NamedTuple):
    """What the books have."""

    rows: Sequence[Recent]
    """Attempts of the window."""
    spent_today_usd: Decimal
    limits: Sequence[LimitLine]
    pools: Sequence[PoolState]


def judge(alerts: Alerts, lately: Lately) -> list[Alarm]:
    """Return the thresholds that are passed now."""
    return [*_latency(alerts, lately.rows), *_shares(alerts, lately.rows), *_spending(alerts, lately), *_quotas(alerts, lately)]


def _latency(alerts: Alerts, rows: Iterable[Recent]) -> Iterator[Alarm]:
    times: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.status == "ok" and row.latency_s is not None and row.model in alerts.latency_s:
            times[row.model].append(row.latency_s)
    for model, own in times.items():
        high, most_s = sorted(own)[min(len(own) - 1, int(_HIGH * len(own)))], alerts.latency_s[model]
        if len(own) >= alerts.least and high > most_s:
            yield Alarm(f"latency:{model}", f"{model} is slow: 95 of 100 answers took up to {high:.3g} s, over {most_s:g} s.")


def _shares(alerts: Alerts, rows: Iterable[Recent]) -> Iterator[Alarm]:
    """Of requests, not of attempts: a fallback that answered is a success, a step that asked for a tool is not yet one."""
    ends: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        ends[row.request_id].add("asked for a tool" if row.finish_reason == "tool_calls" else row.status)
    over = [statuses for statuses in ends.values() if "running" not in statuses and statuses != {"cancelled"}]
    if len(over) < alerts.least:
        return
    for name, least, good, said in (
        ("success", alerts.success, {"ok", "cached"}, "ended with an answer"),
        ("cache_hits", alerts.cache_hits, {"cached"}, "were answered from the cache"),
    ):
        share = sum(bool(statuses & good) for statuses in over) / len(over)
        if least is not None and share < least:
            yield Alarm(name, f"Only {share:.0%} of the last {len(over)} requests {said}, under {least:.0%}.")


def _spending(alerts: Alerts, lately: Lately) -> Iterator[Alarm]:
    if alerts.spend_usd is not None and lately.spent_today_usd > alerts.spend_usd:
        yield Alarm("spend", f"${lately.spent_today_usd:.4f} were spent today, over ${alerts.spend_usd}.")


def _quotas(alerts: Alerts, lately: Lately) -> Iterator[Alarm]:
    if alerts.quota is None:
        return
    for line in lately.limits:
        if line.what.endswith(" a day") and line.most and (share := 1 - line.left / line.most) >= alerts.quota:
            yield Alarm(f"quota:{line.label}:{line.what}", f"{share:.0%} of {line.label}'s {line.most:,} {line.what} are used.")
    for state in lately.pools:
        if (share := 1 - state.left / state.pool.tokens) >= alerts.quota:
            yield Alarm(
                f"quota:{state.pool.name}", f"{share:.0%} of the pool {state.pool.name}'s {state.pool.allowance} are used. {state.outlook}"
            )
