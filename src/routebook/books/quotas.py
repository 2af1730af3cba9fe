"""Requests and tokens within their limits: checked and counted before a call, settled after it, in the transaction of its row.

All kernels that share the books count together. Besides the limits of `routing.toml` hold those that providers tell.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from routebook.books import cooldowns, day_resets, leases, residents, turns
from routebook.books.claims import Claim, Heard, Scope, Wait
from routebook.books.steady import MARGIN, MICRO
from routebook.books.windows import DAY, MINUTE, Window, count
from routebook.messages import Quota

_Told = tuple[str, str, int, int]
"""Kind, period, what is left, and when it is whole again."""


class Room(NamedTuple):
    """Whether there is room for an attempt."""

    wait: Wait | None
    """`None`: there is."""
    untried: list[str]
    """The scopes whose cooldown is over, and which this attempt is the first to try."""
    is_counted: bool
    """Something is limited, so that its place must be kept count of."""
    full: list[str]
    """The scopes that have no room for it, or whose room others have waited for."""
    unload: tuple[str, ...] = ()
    """What must leave the machine's memory for it."""


def check(connection: sqlite3.Connection, claim: Claim, *, now: int, session: str | None = None) -> Room:
    """Look whether an attempt must wait: of several waits for the longest. With `session` those of other kernels who wait go first."""
    names = [scope.name for scope in claim.scopes]
    told = _told(connection, names)
    limited = [scope for scope in claim.scopes if scope.is_limited]
    found = {scope.name: list(_waits(connection, scope, claim, now=now)) for scope in limited}
    if session is not None:
        for scope in limited:
            if not found[scope.name] and (wait := _turn(connection, scope, claim, session=session, now=now)) is not None:
                found[scope.name].append(wait)
    waits = [wait for some in found.values() for wait in some]
    waits += (wait for scope in claim.scopes for wait in _spent(connection, scope, told.get(scope.name, ()), claim, now=now))
    cooling, untried = cooldowns.check(connection, names, now=now)
    if cooling is not None:
        waits.append(cooling)
    is_counted = bool(told or untried) or any(scope.is_limited for scope in claim.scopes)
    wait = max(waits, key=lambda wait: wait.until_s or 0.0, default=None)
    return Room(wait, untried, is_counted, [name for name, some in found.items() if some])


def parked(connection: sqlite3.Connection, models: Mapping[str, tuple[Scope, ...]], *, now: int) -> dict[str, Wait]:
    """Which models let nobody in for long, and why: a cooldown, or a day's quota that is spent. Nothing is written."""
    told = {scope for (scope,) in connection.execute("SELECT scope FROM cooldowns UNION SELECT scope FROM quotas")}
    found: dict[str, Wait] = {}
    for name, scopes in models.items():
        if any(scope.rpd or scope.tpd or scope.name in told for scope in scopes):
            wait = check(connection, Claim(scopes=scopes, input_tokens=1, tokens=1), now=now).wait
            if wait is not None and (wait.kind == "cooldown" or wait.is_day):
                found[name] = wait
    return found


def _waits(connection: sqlite3.Connection, scope: Scope, claim: Claim, *, now: int) -> Iterator[Wait]:
    if scope.max_concurrent is not None and leases.held(connection, scope.name) >= scope.max_concurrent:
        yield Wait(kind="places", reason=f"all {scope.max_concurrent} places of {scope.label} are taken")
    for window, requests, tokens in _windows(scope):
        wait = _full(connection, scope, window, requests=requests, tokens=tokens, claim=claim, now=now)
        if wait is not None:
            yield wait


def _turn(connection: sqlite3.Connection, scope: Scope, claim: Claim, *, session: str, now: int) -> Wait | None:
    """There is room; is it enough for those of other kernels who came first, too?"""
    rank = now + round(claim.rank_s * MICRO)
    requests, tokens = turns.ahead(connection, scope.name, session=session, rank=rank, now=now)
    if not requests:
        return None
    is_taken = scope.max_concurrent is not None and leases.held(connection, scope.name) + requests >= scope.max_concurrent
    for window, most_requests, most_tokens in _windows(scope):
        sent, spent = day_resets.taken(connection, scope.name, window, now=now)
        is_taken = is_taken or bool(most_requests and sent + requests >= most_requests)
        is_taken = is_taken or bool(most_tokens and spent + tokens + claim.tokens > most_tokens)
    return Wait(kind="turn", reason=f"a request of another notebook to {scope.label} came first") if is_taken else None


def _windows(scope: Scope) -> Iterator[tuple[Window, int | None, int | None]]:
    """Each window in which something is limited, with the most requests and tokens."""
    if scope.rpm or scope.tpm:
        yield MINUTE, scope.rpm, scope.tpm
    if scope.rpd or scope.tpd:
        yield DAY, scope.rpd, scope.tpd


def _full(
    connection: sqlite3.Connection, scope: Scope, window: Window, *, requests: int | None, tokens: int | None, claim: Claim, now: int
) -> Wait | None:  # fmt: skip
    sent, spent = day_resets.taken(connection, scope.name, window, now=now)
    over_requests = sent + 1 - requests if requests else 0
    need = min(claim.tokens, tokens) if tokens else 0  # what is more than the whole limit goes when the window is empty
    over_tokens = spent + need - tokens if tokens else 0
    if over_requests <= 0 and over_tokens <= 0:
        return None
    if over_requests <= 0 and over_tokens <= leases.reserved(connection, scope.name, since=now - window.size_us * window.buckets):
        return Wait(kind="places", reason=f"the {tokens} tokens a {window.name} of {scope.label} are reserved for answers under way")
    at = day_resets.free_at(connection, scope.name, window, now=now, excess=(over_requests, over_tokens))
    what = f"{requests} requests" if over_requests > 0 else f"{tokens} tokens"
    is_for_all = over_requests > 0 or spent >= (tokens or 0)  # else a shorter prompt may still do
    return Wait(
        kind="window", reason=f"the {what} a {window.name} of {scope.label} are spent{'' if is_for_all else ', for so long a prompt'}",
        until_s=(at - now) / MICRO, is_day=window is DAY and is_for_all,
    )  # fmt: skip


def _told(connection: sqlite3.Connection, names: list[str]) -> dict[str, list[_Told]]:
    """What providers said of some scopes."""
    marks = ", ".join("?" * len(names))
    found: dict[str, list[_Told]] = {}
    query = f'SELECT scope, kind, period, "left", resets FROM quotas WHERE scope IN ({marks})'  # noqa: S608  question marks
    for scope, *told in connection.execute(query, names):
        found.setdefault(scope, []).append((told[0], told[1], told[2], told[3]))
    return found


def _spent(connection: sqlite3.Connection, scope: Scope, told: Iterable[_Told], claim: Claim, *, now: int) -> Iterator[Wait]:
    """What the provider itself says is spent, until it is whole again."""
    for kind, period, left, resets in told:
        if resets <= now:
            continue
        need = 1 if kind == "requests" else max(1, claim.input_tokens if "output" not in kind else 1)
        until_s = (resets - now) / MICRO
        if left < need:
            reason = f"{scope.label} has {left} {kind} of the {period} left, as its provider says"
            yield Wait(kind="quota", reason=reason, until_s=until_s, is_stated=not left, is_day=period == "day" and not left)
        elif kind == "requests" and left <= leases.held(connection, scope.name):
            yield Wait(kind="places", reason=f"the last {left} requests of the {period} of {scope.label} are under way")


def reserve(connection: sqlite3.Connection, claim: Claim, room: Room, *, attempt: int, session: str, now: int) -> None:
    """Count an attempt that may be sent. Call after `check` found room, in the same transaction."""
    for scope in claim.scopes:
        for window, _, _ in _windows(scope):
            count(connection, scope.name, window, at=now, requests=1, tokens=claim.tokens)
    if room.is_counted:
        model, provider = claim.scopes[0].name, claim.scopes[-1].name
        leases.hold(connection, attempt, session=session, provider=provider, model=model, tokens=claim.tokens, now=now)
    for name in room.untried:
        cooldowns.take(connection, name, attempt=attempt, now=now)
    if claim.memory is not None:
        residents.take(connection, claim.memory, room.unload, attempt=attempt, now=now)


def settle(connection: sqlite3.Connection, claim: Claim, *, attempt: int, tokens: int | None, now: int) -> None:
    """Give back the place of an attempt that ended, and what it had reserved and did not use; `tokens` as it used, `None` if unknown."""
    lease = leases.release(connection, attempt)
    if claim.memory is not None:
        residents.end(connection, claim.memory, attempt=attempt, now=now)
    if lease is None or tokens is None or tokens == lease.tokens:
        return
    for scope in claim.scopes:
        for window, _, most in _windows(scope):
            if most is not None and window.bucket(lease.since) >= window.oldest(now):
                count(connection, scope.name, window, at=lease.since, requests=0, tokens=tokens - lease.tokens)


def take_back(connection: sqlite3.Connection, claim: Claim, *, attempt: int) -> None:
    """Uncount an attempt that was never sent."""
    lease = leases.release(connection, attempt)
    if claim.memory is not None:
        residents.end(connection, claim.memory, attempt=attempt, now=lease.since if lease else 0)
    for scope in claim.scopes if lease is not None else ():
        for window, _, _ in _windows(scope):
            count(connection, scope.name, window, at=lease.since if lease else 0, requests=-1, tokens=-(lease.tokens if lease else 0))


def hear(connection: sqlite3.Connection, heard: Heard, *, attempt: int, now: int) -> None:
    """Keep what the end of an attempt says of the limits."""
    for quota in heard.quotas:
        _learn(connection, heard.scope, quota, now=now)
    for kind in day_resets.KINDS if heard.day_whole_s is not None else ():
        day_resets.tell(connection, heard.scope, kind, whole_at=now + round((heard.day_whole_s or 0.0) * MICRO))
    if heard.is_answer:
        cooldowns.passed(connection, attempt, now=now)
    if heard.cool_s is not None:
        cooldowns.tell(connection, heard.scope, cool_s=heard.cool_s, reason=heard.reason, is_day=heard.is_day, now=now)


def _learn(connection: sqlite3.Connection, scope: str, quota: Quota, *, now: int) -> None:
    resets = now + round(quota.resets_s * MICRO) + MARGIN
    if quota.period == "day" and quota.kind in day_resets.KINDS:
        day_resets.tell(connection, scope, quota.kind, whole_at=resets)
    connection.execute(
        "INSERT INTO quotas VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        'most = coalesce(excluded.most, most), "left" = excluded."left", resets = excluded.resets, told = excluded.told',
        (scope, quota.kind, quota.period, quota.most, quota.left, resets, now),
    )
