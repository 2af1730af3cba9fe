"""A cheaper model that did as well on a route's prompts goes first in its `try`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Final, NamedTuple

from routebook.advice.odds import Share, gap, share
from routebook.advice.proposal import Edit, Found, Need, Proposal, ids
from routebook.advice.record import Mark, Record, Row, fits, names
from routebook.config.values import Route
from routebook.messages import TIERS

LEAST_REQUESTS: Final = 20
"""Of a route; what is seldom asked is not worth a change."""
LEAST_MARKS: Final = 12
"""Of each of the two models."""
LEAST_AT_A_TASK: Final = 4
COVERED: Final = 0.8
"""Of a route's prompts, those of tasks at which both models have marks."""
MARGIN: Final = 0.15
"""A model that is surely no more than this worse counts as good as the other."""
CHEAPER: Final = 0.9
"""Below this share of the other's cost."""
EASIER: Final = 1.0
"""By so much of 10 the prompts of the cheaper one may have been less complex."""


class _Side(NamedTuple):
    """One of two models, at the prompts that a route would take."""

    model: str
    marks: Mapping[str, Sequence[float]]
    """By task."""
    complexity: float

    @property
    def all(self) -> Share:
        return share(score for scores in self.marks.values() for score in scores)


class _Pair(NamedTuple):
    """Two models on a route's prompts, compared."""

    cheap: _Side
    dear: _Side
    covered: float
    """Share of the route's prompts."""
    difference: tuple[float, float, float]
    games: Share
    """Votes between the two that the cheap one won."""


def cheaper(record: Record) -> Iterator[Found]:
    """Look at each route that has an order of its own."""
    for route in record.config.routes:
        first = next(names(record.config, route.try_), None)
        is_drawn = any(experiment.route == route.name for experiment in record.config.experiments.values())
        if first is None or route.quality is not None or route.pipeline is not None or is_drawn:
            continue
        routed = [rows for rows in record.routed(route.name) if rows[0].model == first]
        if len(routed) < LEAST_REQUESTS:
            if routed:
                yield Need("cheaper", f"route {route.name!r}: {len(routed)} requests began with {first}, and {LEAST_REQUESTS} are needed")
            continue
        yield from _of_route(record, route, first, [rows[0] for rows in routed])


def _of_route(record: Record, route: Route, first: str, asked: Sequence[Row]) -> Iterator[Found]:
    """The cheapest model that is as good, if the record can tell of one."""
    others = sorted((cost, name) for name in record.config.models if (cost := _cheaper(record, route, first, name, asked)) is not None)
    pairs = [_compare(record, route, name, first, asked) for _, name in others]
    taken = next((pair for pair in pairs if _is_as_good(pair)), None)
    if taken is not None:
        yield _proposal(record, route, taken, asked)
    elif pairs:
        counts = ", ".join(f"{pair.cheap.model} {pair.cheap.all.n}" for pair in pairs[:3])
        yield Need(
            "cheaper",
            f"route {route.name!r}: votes, checks or refusals on such prompts: {first} {pairs[0].dear.all.n}, cheaper ones {counts}; none is surely "
            f"as good, and at least {LEAST_MARKS} of each (or of votes between the two) are needed: %%route --compare {first},{pairs[0].cheap.model} "
            "asks both",
        )


def _cheaper(record: Record, route: Route, first: str, name: str, asked: Sequence[Row]) -> float | None:
    """What a model costs against the first, for the same tokens; `None` where it is not cheaper, unknown, or may not be asked."""
    config = record.config
    own, other = _cost(record, name, asked), _cost(record, first, asked)
    tier, tools = config.tier(name), (config.models[name].tools, config.models[first].tools)
    is_walled = (route.local or bool(route.private)) and tier != "local"
    is_away = TIERS.index(tier) > TIERS.index(config.tier(first)) or is_walled
    is_shut = config.models[name].provider in record.unusable or {name, config.models[name].provider} & set(route.avoid)
    if name == first or is_away or is_shut or (tools[1] and tools[0] is False):
        return None
    return own if own is not None and other is not None and own < CHEAPER * other else None


def _cost(record: Record, name: str, asked: Sequence[Row]) -> float | None:
    """US dollars for the tokens that were recorded; `None` where the price is unknown."""
    price = record.prices.get(name)
    if price is None:
        return None
    tokens = [(row.input_tokens or 0, row.output_tokens or 0) for row in asked]
    return float(price.input * sum(given for given, _ in tokens) + price.output * sum(made for _, made in tokens)) / 1e6


def _compare(record: Record, route: Route, cheap: str, dear: str, asked: Sequence[Row]) -> _Pair:
    """Task by task, weighed as the route's prompts are."""
    sides = _side(record, route, cheap), _side(record, route, dear)
    tasks = Counter(row.task for row in asked)
    both = {task: count for task, count in tasks.items() if all(len(side.marks.get(task, ())) >= LEAST_AT_A_TASK for side in sides)}
    total = sum(both.values())
    weighed = [(count / total, share(sides[0].marks[task]), share(sides[1].marks[task])) for task, count in both.items()]
    games = share(
        game.score for game in record.games if (game.model, game.versus) == (cheap, dear) and _is_like(record, route, game.request_id)
    )
    return _Pair(*sides, total / len(asked), gap(weighed), games)


def _side(record: Record, route: Route, model: str) -> _Side:
    marks: dict[str, list[float]] = {}
    found = [(mark, record.requests[mark.request_id][0]) for mark in record.marks if mark.model == model]
    own: list[tuple[Mark, Row]] = [(mark, row) for mark, row in found if fits(route, row)]
    for mark, row in own:
        marks.setdefault(row.task, []).append(mark.score)
    return _Side(model, marks, fmean(row.complexity for _, row in own) if own else 0.0)


def _is_like(record: Record, route: Route, request_id: str) -> bool:
    return request_id in record.requests and fits(route, record.requests[request_id][0])


def _is_as_good(pair: _Pair) -> bool:
    """Whether marks or votes between the two say that it is surely no worse than by the margin, and neither says that it is worse."""
    _, low, high = pair.difference
    is_marked = pair.covered >= COVERED and min(pair.cheap.all.n, pair.dear.all.n) >= LEAST_MARKS
    is_harder = pair.cheap.complexity >= pair.dear.complexity - EASIER
    by_marks = is_marked and is_harder and low >= -MARGIN
    by_games = pair.games.n >= LEAST_MARKS and pair.games.low >= 0.5 - MARGIN
    is_worse = (is_marked and high < 0) or (pair.games.n >= LEAST_MARKS and pair.games.high < 0.5)  # noqa: PLR2004  even
    return (by_marks or by_games) and not is_worse


def _proposal(record: Record, route: Route, pair: _Pair, asked: Sequence[Row]) -> Proposal:
    cheap, dear, (middle, low, high) = pair.cheap, pair.dear, pair.difference
    evidence = [f"good answers on such prompts: {cheap.model} {cheap.all}, {dear.model} {dear.all}"]
    if pair.covered:
        evidence.append(
            f"task by task as the route is asked: {middle:+.0%} ({low:+.0%} to {high:+.0%}), over {pair.covered:.0%} of its prompts; "
            f"complexity {cheap.complexity:.1f} and {dear.complexity:.1f}"
        )
    if pair.games.n:
        evidence.append(f"votes between the two: {cheap.model} won {pair.games}")
    marked = [record.requests[mark.request_id][0] for mark in record.marks if mark.model in (cheap.model, dear.model)]
    return Proposal(
        kind="cheaper",
        change=f"{cheap.model} first in `try` of route {route.name!r}, before {dear.model}",
        evidence=tuple(evidence),
        saves_usd=None,
        saves_s=record.spared_s((record.requests[row.request_id] for row in asked), cheap.model),
        over=ids(asked),
        requests=ids([*asked, *(row for row in marked if fits(route, row))]),
        edit=Edit(table=("routes", route.name), key="try", value=[cheap.model, *(name for name in route.try_ if name != cheap.model)]),
    )
