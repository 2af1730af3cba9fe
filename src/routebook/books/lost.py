"""What a killed process left behind: its attempts will never end, so they are marked `lost` and their reservations and places go free.

What it had counted against a quota stays counted: most of it was sent. So does its money: a provider bills a call whether or not we hear its
end, and nobody knows how much of what was reserved that is. The caps count all of it as spent, at the time of the call; the row has no cost.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from routebook.books import leases, ledger
from routebook.books.budgets import hour, scopes
from routebook.books.money import from_pico
from routebook.books.pools import TokenPool, pools_of
from routebook.books.steady import MICRO, uptime_s

_MARK: Final = "UPDATE attempts SET status = 'lost', reserved_pusd = 0, reserved_tokens = 0, error = ? WHERE id = ?"
_COUNT: Final = (
    "INSERT INTO lost_spending VALUES (?, ?, 1, ?, ?) ON CONFLICT DO UPDATE SET "
    "calls = calls + 1, most_pusd = most_pusd + excluded.most_pusd, tokens = tokens + excluded.tokens"
)

_STATE, _START = 0, 19
"""Fields of `/proc/PID/stat` behind the name of the program."""


def release_lost(
    connection: sqlite3.Connection, *, own: str, now: int | None = None, zone: dt.tzinfo | None = None, pools: Sequence[TokenPool] = ()
) -> int:
    """Free what processes that are gone held; return how many attempts and places that were.

    Args:
        connection: inside a transaction.
        own: this session, which is alive.
        now: of the steady clock; with it the places that are not renewed any more go free too: of processes that stand still, and of those of
            which this machine does not tell whether they live.
        zone: by whose hours money is counted.
        pools: the allowances of tokens.
    """
    holding = connection.execute(
        "SELECT session, pid, seen FROM (SELECT session FROM attempts WHERE status = 'running' UNION SELECT session FROM leases) "
        "LEFT JOIN sessions ON sessions.id = session WHERE session != ?",
        (own,),
    ).fetchall()
    gone = [session for session, pid, seen in holding if pid is None or not is_alive(pid, unseen_s=_since(seen, now))]
    return sum(release(connection, session, zone=zone, pools=pools) for session in gone) + (
        leases.expire(connection, now=now, own=own) if now else 0
    )


def release(connection: sqlite3.Connection, session: str, *, zone: dt.tzinfo | None, pools: Sequence[TokenPool]) -> int:
    """Free what one session held that is known to be gone; return how many attempts and places that were."""
    running = ledger.running(connection, session)
    for one in running:
        connection.execute(_MARK, (_said(one), one.row))
        if one.reserved_pusd or one.reserved_tokens:
            also = [pool.scope for pool in pools_of(one.attempt.model, pools)]
            _count(connection, one, when=hour(one.attempt.time.astimezone(zone)), scopes=[*scopes(one.attempt), *also])
    freed = connection.execute("DELETE FROM leases WHERE session = ?", (session,)).rowcount
    return max(len(running), freed)


def _said(one: ledger.Running) -> str:
    if not one.reserved_pusd:
        return "its process ended"
    return f"its process ended; what it cost is unknown, and the caps count the most it may: ${from_pico(one.reserved_pusd):.4f}"


def _count(connection: sqlite3.Connection, one: ledger.Running, *, when: int, scopes: Iterable[str]) -> None:
    connection.executemany(_COUNT, [(scope, when, one.reserved_pusd, one.reserved_tokens) for scope in scopes])


def _since(seen: int | None, now: int | None) -> float | None:
    return (now - seen) / MICRO if seen is not None and now is not None else None


def is_alive(pid: int, *, unseen_s: float | None = None) -> bool:
    """Whether the process of this number runs, and began before it was last seen. Windows has no harmless way to ask, so there it counts as alive."""
    if sys.platform == "win32" or pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return sys.platform != "linux" or _is_the_same(pid, unseen_s=unseen_s)


def _is_the_same(pid: int, *, unseen_s: float | None) -> bool:
    """False for a process that only waits to be collected, and for another one that was given the number later."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        age_s = uptime_s() - int(fields[_START]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):  # it ended in this moment, or /proc is not to be had
        return True
    return fields[_STATE] not in ("Z", "X") and (unseen_s is None or age_s > unseen_s - 1)
