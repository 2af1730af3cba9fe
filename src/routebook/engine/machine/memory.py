"""How much memory this machine has, by what its system says; no library is needed for it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path
from typing import Final

_CGROUPS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""What a container may take (versions 2 and 1)."""


class _Status(ctypes.Structure):
    """Windows' MEMORYSTATUSEX."""

    _fields_ = (
        ("length", ctypes.c_ulong), ("load", ctypes.c_ulong), *((name, ctypes.c_ulonglong) for name in (
            "total", "free", "page_total", "page_free", "virtual_total", "virtual_free", "extended")),
    )  # fmt: skip


def machine_bytes() -> int | None:
    """All of the memory, or what the container may take of it; `None` when the system does not say."""
    total = _windows() if sys.platform == "win32" else _posix()
    return None if total is None else min((total, *_containers()))


def _posix() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _containers() -> list[int]:
    found: list[int] = []
    for file in _CGROUPS:
        with contextlib.suppress(OSError, ValueError):  # `max` is no number: no limit
            found.append(int(file.read_text(encoding="ascii")))
    return found


def _windows() -> int | None:
    status = _Status(length=ctypes.sizeof(_Status))
    is_told = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]  # of Windows only
    return int(status.total) if is_told else None
