"""Prompts that come again and again on a route that keeps no answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from routebook.advice.odds import share
from routebook.advice.proposal import Edit, Found, Need, Proposal, ids
from routebook.advice.record import DAY_S, Record, Row, seconds
from routebook.config.values import Config, Route

LEAST_REQUESTS: Final = 20
LEAST_REPEATS: Final = 10
OFTEN: Final = 0.1
"""Surely more than this share of a route's prompts came before."""
_GOOD: Final = 0.5
Print = tuple[str, float, float, int | None, str]


def repeats(record: Record) -> Iterator[Found]:
    """Look at each route without a cache."""
    disliked = {mark.request_id for mark in record.marks if mark.score < _GOOD}
    for route in record.config.routes:
        asked = [
            rows[0] for rows in record.routed(route.name) if rows[0].status == "ok" and not _is_kept(record.config, route, rows[0].task)
        ]
        if len(asked) < LEAST_REQUESTS:
            if asked:
                yield Need("cache", f"route {route.name!r}: {len(asked)} requests without a cache, and {LEAST_REQUESTS} are needed")
            continue
        again = list(_again(asked, disliked))
        if len(again) >= LEAST_REPEATS and share([1.0] * len(again) + [0.0] * (len(asked) - len(again))).low >= OFTEN:
            yield _proposal(record, route, asked, again)
        else:
            yield Need(
                "cache",
                f"route {route.name!r}: {len(again)} of {len(asked)} prompts came again within a day; too few for a cache to matter",
            )


def _is_kept(config: Config, route: Route, task: str) -> bool:
    """Whether answers to a task are kept already, or are not to be."""
    return route.cache is not None or config.cache.tasks.get(task, config.cache.ttl_s) is not None


def _again(asked: Sequence[Row], disliked: set[str]) -> Iterator[Row]:
    """The requests that an answer of the day before would have answered; one that was called bad is no answer."""
    kept: dict[Print, float] = {}
    for row in asked:
        if row.input_tokens is None:
            continue
        same = (row.task, row.complexity, row.strength, row.input_tokens, row.model)
        if row.time - kept.get(same, -DAY_S) < DAY_S:
            yield row
        elif row.request_id not in disliked:
            kept[same] = row.time


def _proposal(record: Record, route: Route, asked: Sequence[Row], again: Sequence[Row]) -> Proposal:
    costs = [row.cost_usd for row in record.rows if row.request_id in {one.request_id for one in again}]
    unknown = sum(cost is None for cost in costs)
    doubts = ["prompts are not recorded: those with the same task, complexity, strength and tokens are taken for the same"]
    if unknown:
        doubts.append(f"the cost of {unknown} attempts is unknown, and not in what it saves")
    return Proposal(
        kind="cache",
        change=f"cache = {{ ttl_s = {DAY_S:.0f} }} on route {route.name!r}; --fresh asks again",
        evidence=(f"{len(again)} of {len(asked)} prompts had been answered by the same model within a day before",),
        doubts=tuple(doubts),
        saves_usd=sum(cost for cost in costs if cost is not None) if unknown < len(costs) else None,
        saves_s=seconds(row.latency_s for row in again),
        over=ids(again),
        requests=ids(again),
        edit=Edit(table=("routes", route.name), key="cache", value={"ttl_s": DAY_S}),
    )
