"""What a killed process left behind: its attempts will never end, so they are marked `lost` and their reservations and places go free.

What it had counted against a quota stays counted: most of it was sent.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

from routebook.books import leases
from routebook.books.steady import MICRO, uptime_s

_STATE, _START = 0, 19
"""Fields of `/proc/PID/stat` behind the name of the program."""


def release_lost(connection: sqlite3.Connection, *, own: str, now: int | None = None) -> int:
    """Free what processes that are gone held; return how many attempts and places that were.

    `own` is this session, which is alive. `now`, of the steady clock, also frees the places that are not renewed any more: of processes that
    stand still, and of those of which this machine does not tell whether they live.
    """
    holding = connection.execute(
        "SELECT session, pid, seen FROM (SELECT session FROM attempts WHERE status = 'running' UNION SELECT session FROM leases) "
        "LEFT JOIN sessions ON sessions.id = session WHERE session != ?",
        (own,),
    ).fetchall()
    gone = [session for session, pid, seen in holding if pid is None or not is_alive(pid, unseen_s=_since(seen, now))]
    return sum(_release(connection, session) for session in gone) + (leases.expire(connection, now=now, own=own) if now else 0)


def _release(connection: sqlite3.Connection, session: str) -> int:
    marked = connection.execute(
        "UPDATE attempts SET status = 'lost', reserved_pusd = 0, error = 'its process ended' WHERE status = 'running' AND session = ?",
        (session,),
    ).rowcount
    freed = connection.execute("DELETE FROM leases WHERE session = ?", (session,)).rowcount
    return max(marked, freed)


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
