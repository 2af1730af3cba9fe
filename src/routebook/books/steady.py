"""The machine's steady clock: the same for all processes, it counts sleep, and setting the wall clock does not move it.

Windows of a minute, leases and cooldowns are counted by it, so that a wall clock that jumps neither frees a quota nor holds one for ever.
It counts from the boot; the books keep for each boot what to add, so that a day's quota outlives a restart of the machine.
"""

from __future__ import annotations

import ctypes
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

MICRO: Final = 1_000_000
MARGIN: Final = 50_000
"""Microseconds added to a time that a provider stated: it ran from when the provider spoke, and clocks are read in turn."""
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_APART_S: Final = 3600
"""Without a name of the boot: two moments of booting so far apart are two boots."""


def uptime_s() -> float:
    """Seconds since the machine was booted, sleep included."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


def boot_name(*, wall_s: float, up_s: float) -> str:
    """What tells this boot from others."""
    if sys.platform == "linux" and _BOOT_ID.exists():
        return _BOOT_ID.read_text(encoding="ascii").strip()
    if sys.platform == "darwin" and (name := _mac_boot()):
        return name
    return f"about {round((wall_s - up_s) / _APART_S)} h"


def _mac_boot() -> str | None:
    """The kernel's own name of the boot on a Mac."""
    size = ctypes.c_size_t(64)
    name = ctypes.create_string_buffer(size.value)
    try:
        failed = ctypes.CDLL(None).sysctlbyname(b"kern.bootsessionuuid", name, ctypes.byref(size), None, 0)
    except (OSError, AttributeError):
        return None
    return None if failed else name.value.decode("ascii", "replace")


class SteadyClock:
    """The time in microseconds, close to what the wall clock said when the books were first used since the boot."""

    def __init__(self, *, wall: Callable[[], float] = time.time, uptime: Callable[[], float] = uptime_s, boot: str | None = None) -> None:
        """It counts like the other kernels' once it was kept.

        Args:
            wall: the wall clock, in seconds.
            uptime: seconds since the boot.
            boot: what tells the boot from others; found out when not given.
        """
        wall_s, up_s = wall(), uptime()
        self._uptime = uptime
        self._boot = boot or boot_name(wall_s=wall_s, up_s=up_s)
        self._offset = round((wall_s - up_s) * MICRO)

    def __call__(self) -> int:
        """Now."""
        return self._offset + round(self._uptime() * MICRO)

    def keep(self, connection: sqlite3.Connection) -> None:
        """Let all kernels of this boot count alike: the first one's word holds. It never goes back behind what the books have seen."""
        if not self.read(connection):
            latest = "SELECT max(coalesce((SELECT max(seen) FROM sessions), 0), coalesce((SELECT max(told) FROM cooldowns), 0))"
            seen = int(connection.execute(latest).fetchone()[0])
            self._offset = max(self._offset, seen - round(self._uptime() * MICRO))
            connection.execute("INSERT INTO boots VALUES (?, ?)", (self._boot, self._offset))

    def read(self, connection: sqlite3.Connection) -> bool:
        """Count as the books say; false when they do not know this boot yet."""
        kept = connection.execute("SELECT offset FROM boots WHERE boot = ?", (self._boot,)).fetchone()
        if kept is not None:
            self._offset = int(kept[0])
        return kept is not None
