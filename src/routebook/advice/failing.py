"""A model that fails much goes behind the next one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from routebook.advice.odds import Share, share
from routebook.advice.proposal import Edit, Found, Need, Proposal, ids
from routebook.advice.record import Record, Row, names, seconds
from routebook.config.values import Route

LEAST: Final = 20
"""Attempts of the model on the route."""
LEAST_OF_NEXT: Final = 10
MUCH: Final = 0.15
"""Surely more than this share of its attempts failed."""


def failing(record: Record) -> Iterator[Found]:
    """Look at the model that each route asks first."""
    for route in record.config.routes:
        order = list(names(record.config, route.try_))
        if len(order) < 2 or route.quality is not None or order[0] not in route.try_ or order[1] not in route.try_:  # noqa: PLR2004  one and a next
            continue
        routed = record.routed(route.name)
        own = [row for rows in routed for row in rows if row.model == order[0] and row.is_sent]
        if len(own) >= LEAST:
            yield from _of_route(record, route, order, own, routed)
        elif any(row.is_failed for row in own):
            yield Need("failing", f"route {route.name!r}: {len(own)} attempts of {order[0]}, and {LEAST} are needed")


def _of_route(record: Record, route: Route, order: Sequence[str], own: Sequence[Row], routed: Sequence[Sequence[Row]]) -> Iterator[Found]:
    first, following = order[:2]
    failed, next_failed = _failed(own), _failed(record.sent(following))
    if failed.low < MUCH:
        return
    if next_failed.n < LEAST_OF_NEXT or next_failed.high >= failed.low:
        yield Need(
            "failing",
            f"route {route.name!r}: {first} failed {failed}, but that {following} fails less is not known: it failed {next_failed}; "
            f"{LEAST_OF_NEXT} attempts of it at least are needed",
        )
        return
    lost = [row for row in own if row.is_failed]
    kinds = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in Counter(row.status for row in lost).most_common())
    behind = [name for name in route.try_ if name != first]
    behind.insert(behind.index(following) + 1, first)
    doubts = [f"whether {following} answers as well is not weighed here"]
    if record.config.tier(first) == "local" != record.config.tier(following):
        doubts.append("prompts that are answered on this machine now would leave it")
    yield Proposal(
        kind="failing",
        change=f"{first} behind {following} in `try` of route {route.name!r}",
        evidence=(
            f"attempts that failed: {first} {failed} ({kinds}), {following} {next_failed}",
            f"{seconds(row.latency_s for row in lost):.0f} s were spent on attempts of {first} that failed",
        ),
        doubts=tuple(doubts),
        saves_usd=None,
        saves_s=record.spared_s(routed, following),
        over=ids(rows[0] for rows in routed),
        requests=ids(own),
        edit=Edit(table=("routes", route.name), key="try", value=behind),
    )


def _failed(rows: Sequence[Row]) -> Share:
    return share(float(row.is_failed) for row in rows)
