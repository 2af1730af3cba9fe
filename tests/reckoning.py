"""After a storm: what the books say beside what the servers saw."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import accumulate
from typing import Final

from caps import Cap, caps_of, over_caps
from served import left_reserved, rows
from steps import Sent, Steps
from weather import LOCAL_WIRES, MOST, Weather

from routebook.engine.router import Router
from routebook.messages import Attempt
from routebook.testing import SeenCall

_NUMBER: Final = re.compile(rb"Storm of requests, number (\d+):")
_SEEN_LATE_S: Final = 0.3
"""A server that is busy notices so late that its client has left."""
_EARLY_S: Final = 0.01
_MAY_BE_UNSEEN: Final = frozenset({"cancelled", "timeout"})
"""How an attempt ends that may not have reached its server: it was given up while it waited, or on its way."""


@dataclass(slots=True)
class Reckoning:
    """What a storm came to."""

    rows: int
    seen: int
    """Attempts seen by the servers."""
    unsent: int
    """Rows of attempts that no server saw and none should have: given up while they waited, or nobody listens there."""
    peak_provider: int
    peak_model: int
    early_retries: int
    """Retries of a request before the time stated to it."""
    early_others: int
    """Other requests that reached a model before the time it had stated, although that was known here."""
    by_status: dict[str, int]
    by_fault: dict[str, int]
    caps: list[Cap]
    wrongs: list[str] = field(default_factory=list, repr=False)
    """Everything that may not be, each in a sentence."""


async def reckon(of: Router, weather: Weather, *, local: set[int], steps: Mapping[int, Steps], cells: Mapping[str, Decimal]) -> Reckoning:
    """Compare, once the servers have noticed that everybody left.

    `local` are the numbers of the requests behind the wall, `cells` the budgets of those that have one of their own.
    """
    await _calm(weather)
    kept, calls = rows(of), {wire: list(server.seen.calls) for wire, server in weather.servers.items()}
    everything = [call for some in calls.values() for call in some]
    unread = {(row.cell_id, row.model) for row in kept if row.status in _MAY_BE_UNSEEN}
    found = Reckoning(
        rows=len(kept),
        seen=len(everything),
        unsent=0,
        peak_provider=max(_peak(some, steps) for some in calls.values()),
        peak_model=max((_peak(some, steps) for some in _by_model(everything).values()), default=0),
        early_retries=sum(server.seen.early_retries for server in weather.servers.values()),
        early_others=_early_others([call for call in everything if _key(call) not in unread], steps),
        by_status=dict(Counter(row.status for row in kept).most_common()),
        caps=caps_of(of, kept, everything),
        by_fault=dict(sum((server.seen.outcomes for server in weather.servers.values()), Counter()).most_common()),
    )
    found.wrongs += _books_against_servers(found, kept, everything)
    found.wrongs += _left_over(of)
    found.wrongs += over_caps(found.caps, kept, cells=cells)
    found.wrongs += _over_the_wall(calls, local)
    for what, peak in (("provider", found.peak_provider), ("model", found.peak_model)):
        if peak > MOST[what]:
            found.wrongs.append(f"{peak} calls at once at a {what} whose max_concurrent is {MOST[what]}")
    if found.early_retries:
        found.wrongs.append(f"{found.early_retries} retries came before the stated time")
    if found.early_others:
        found.wrongs.append(f"{found.early_others} requests were sent to a model before the time it had stated")
    return found


async def _calm(weather: Weather) -> None:
    for _ in range(200):
        if not any(server.seen.concurrent for server in weather.servers.values()):
            return
        await asyncio.sleep(0.02)


def _key(call: SeenCall) -> tuple[str, str]:
    return str(_number(call)), call.model


def _number(call: SeenCall) -> int:
    found = _NUMBER.search(call.body)
    assert found is not None, call.body
    return int(found[1])


def _by_model(calls: Iterable[SeenCall]) -> dict[str, list[SeenCall]]:
    found: dict[str, list[SeenCall]] = defaultdict(list)
    for call in calls:
        found[call.model].append(call)
    return found


def _books_against_servers(found: Reckoning, kept: Sequence[Attempt], calls: Sequence[SeenCall]) -> list[str]:
    """Every call a server saw is a row, and every row that was sent was seen."""
    wrongs = []
    seen = Counter(_key(call) for call in calls)
    recorded = Counter((row.cell_id or "", row.model) for row in kept if row.kind != "cache")
    for key in seen.keys() | recorded.keys():
        number, model = key
        own = [row for row in kept if (row.cell_id, row.model) == key] if seen[key] != recorded[key] else []
        missing = recorded[key] - seen[key]
        excused = sum(row.status in _MAY_BE_UNSEEN or row.provider == "gone" or row.error_type == "LocalOnlyViolation" for row in own)
        if not 0 <= missing <= excused:
            said = [(row.status, row.error_type, row.error) for row in own]
            wrongs.append(f"request {number} at {model}: the server saw {seen[key]} calls, the books have {said}")
        found.unsent += missing
    reported = {(*_key(call), call.input_tokens, call.output_tokens) for call in calls}
    refused = {_key(call) for call in calls if call.outcome == "refusal"}  # an answer where the format has no sign for it
    wrongs += [
        f"request {row.cell_id} at {row.model}: the books have {row.input_tokens} and {row.output_tokens} tokens, the server reported others"
        for row in kept
        if row.status == "ok" and not row.tokens_estimated and (row.cell_id, row.model) not in refused and (row.cell_id, row.model, row.input_tokens, row.output_tokens) not in reported
    ]  # fmt: skip
    return wrongs


def _left_over(of: Router) -> list[str]:
    """Places, reservations and running rows that nobody gave back."""
    running, reserved = left_reserved(of)
    wrongs = [f"{running} attempts still count as running and {reserved} pico-dollars as reserved"] if running or reserved else []
    tokens = of.runtime().books.read(lambda connection: connection.execute("SELECT sum(reserved_tokens) FROM attempts").fetchone()[0])
    if tokens:
        wrongs.append(f"{tokens} tokens are still reserved")
    if of.runtime().limits.inside:
        wrongs.append(f"{of.runtime().limits.inside} places are still held in this process")
    leases = of.runtime().books.read(lambda connection: connection.execute("SELECT count(*) FROM leases").fetchone()[0])
    if leases:
        wrongs.append(f"{leases} places are still held in the books")
    for name, state in of.runtime().known.states.items():
        if state.in_flight or state.queued:
            wrongs.append(f"{name}: {state.in_flight} still count as under way and {state.queued} as waiting")
    return wrongs


def _over_the_wall(calls: dict[str, list[SeenCall]], local: set[int]) -> list[str]:
    outside = [call for wire, some in calls.items() if wire not in LOCAL_WIRES for call in some]
    return [f"request {_number(call)} is local and reached {call.model}" for call in outside if _number(call) in local]


def _peak(calls: Sequence[SeenCall], steps: Mapping[int, Steps]) -> int:
    """The most at once; a client that left counts until it left, not until a busy server noticed, or never did."""
    counts: list[tuple[float, int]] = []
    for call in calls:
        ended = call.ended_s if call.ended_s is not None else call.time_s
        if call.outcome == "disconnected":
            ended -= _SEEN_LATE_S
        if (sent := _sent(call, steps)) is not None and sent.known_s is not None:
            ended = min(ended, sent.known_s)
        counts += [(call.time_s, 1), (max(call.time_s, ended), -1)]
    return max(accumulate(count for _, count in sorted(counts)), default=0)


def _early_others(calls: Sequence[SeenCall], steps: Mapping[int, Steps]) -> int:
    """Calls that were sent when the time that their model had stated was known here, and before that time."""
    told: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for call in calls:
        if call.not_before_s is not None and (sent := _sent(call, steps)) is not None and sent.known_s is not None:
            told[call.model].append((sent.known_s, call.not_before_s - _EARLY_S))
    every = (sent for request in steps.values() for sent in request.sent)
    return sum(any(known < sent.time_s < until for known, until in told[sent.model]) for sent in every)


def _sent(call: SeenCall, steps: Mapping[int, Steps]) -> Sent | None:
    """The attempt that is this call: the last one that was sent before it came."""
    number = _number(call)
    own = [sent for sent in steps[number].sent if sent.model == call.model and sent.time_s <= call.time_s] if number in steps else []
    return own[-1] if own else None
