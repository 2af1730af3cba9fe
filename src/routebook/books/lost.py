"""What a killed process left behind: its attempts will never end, so they are marked `lost` and their reservations go free."""

from __future__ import annotations

import os
import sqlite3
import sys


def release_lost(connection: sqlite3.Connection, *, own: str) -> int:
    """Mark the running attempts of processes that are gone as `lost`; return how many there were. `own` is this session, which is alive."""
    running = connection.execute(
        "SELECT DISTINCT session, pid FROM attempts LEFT JOIN sessions ON sessions.id = session WHERE status = 'running' AND session != ?",
        (own,),
    ).fetchall()
    gone = [(session,) for session, pid in running if pid is None or not _is_alive(pid)]
    return sum(
        connection.execute(
            "UPDATE attempts SET status = 'lost', reserved_pusd = 0, error = 'its process ended' WHERE status = 'running' AND session = ?",
            one,
        ).rowcount
        for one in gone
    )


def _is_alive(pid: int) -> bool:
    """Whether a process of this number runs. Windows has no harmless way to ask, so there it counts as alive."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
