"""A route that no prompt takes, by what is recorded of them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from routebook.advice.proposal import Edit, Found, Need, Proposal, ids
from routebook.advice.record import Record, Row, fits
from routebook.config.values import Route

LEAST_REQUESTS: Final = 100
LEAST_DAYS: Final = 7.0


def unused(record: Record) -> Iterator[Found]:
    """Look at each route but the default; one that only the prompt could tell of is taken for used where all else fits."""
    asked = [rows[0] for rows in record.requests.values()]
    routes = record.config.routes[:-1]
    if not routes:
        return
    if len(asked) < LEAST_REQUESTS or record.days < LEAST_DAYS:
        yield Need(
            "unused",
            f"{len(asked):,} requests over {record.days:.1f} days are recorded; {LEAST_REQUESTS} over {LEAST_DAYS:.0f} are needed to call a route unused",
        )
        return
    taken = Counter(name for row in asked for name in _may_take(routes, row))
    named = {row.route for row in record.rows}
    for place, route in enumerate(routes):
        if not taken[route.name] and route.name not in named:
            yield _proposal(record, routes[:place], route, asked)


def _may_take(routes: tuple[Route, ...], row: Row) -> Iterator[str]:
    """The routes that may take a request: the first that fits, and before it those of which the record cannot tell all."""
    for route in routes:
        if fits(route, row):
            yield route.name
            if route.needs_tools is None and not route.min_files:
                return


def _proposal(record: Record, before: tuple[Route, ...], route: Route, asked: list[Row]) -> Proposal:
    fitting = [row for row in asked if fits(route, row)]
    takers = Counter(next(other.name for other in before if fits(other, row)) for row in fitting)
    why = (
        f"{len(fitting):,} prompts fit it, and all are taken before it, by {', '.join(name for name, _ in takers.most_common(3))}"
        if fitting
        else "no prompt fits its conditions"
    )
    return Proposal(
        kind="unused",
        change=f"route {route.name!r} out of use, as comments",
        evidence=(f"of {len(asked):,} requests over {record.days:.0f} days none took it: {why}",),
        doubts=("what you will ask is not in the record; nothing is saved but lines to read",),
        saves_usd=0.0,
        saves_s=0.0,
        requests=ids(fitting or asked),
        edit=Edit(table=("routes", route.name), key=None),
    )
