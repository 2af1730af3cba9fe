"""The doctor's look at this machine: versions with their known traps, the embedded model's library, the books. Nothing is sent."""

from __future__ import annotations

import asyncio
import ctypes
import importlib.metadata
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from routebook.books.connect import MEMORY
from routebook.engine.health.finding import Finding
from routebook.engine.runtime import Runtime
from routebook.errors import BooksError

Version = tuple[int, ...]

LITTLE_SPACE: Final = 100_000_000
"""Bytes; below it the books are soon in trouble."""


def look_at_versions() -> Iterator[Finding]:
    """Say which Python and Jupyter packages there are, and what is known to go wrong with them."""
    untested = "; newer than what Routebook is tested with" if sys.version_info >= (3, 14) else ""
    yield Finding(about="Python", state="ok", said=f"{platform.python_version()}{untested}")
    yield _package("ipykernel", _judge_kernel, missing="left out")
    yield _package("anywidget", _judge_anywidget, missing="problem")
    is_old_nest = hasattr(asyncio, "_nest_patched") and not hasattr(asyncio, "_nest_asyncio2")  # its successor leaves both marks
    if is_old_nest and _is_lossy(_version("ipykernel")):
        yield Finding(
            about="nest_asyncio",
            state="problem",
            said="it is in use, and with this ipykernel it loses the cells that wait behind a running one (Run All stops half-way)",
            hint="pip install nest-asyncio2, restart the kernel, then %route nest on",
        )


def look_at_library(runtime: Runtime) -> Iterator[Finding]:
    """See whether what the embedded model runs on can be loaded, where the config has one."""
    if all(provider.kind != "embedded" for provider in runtime.config.providers.values()):
        return
    if _version("xllamacpp") is None:
        yield Finding(about="xllamacpp", state="problem", said="not installed; the embedded model runs on it", hint="pip install xllamacpp")
    elif sys.platform == "linux" and not _loads("libgomp.so.1"):
        yield Finding(
            about="libgomp", state="problem", said="missing; the embedded model needs this system library", hint="apt install libgomp1"
        )


async def look_at_books(runtime: Runtime) -> Finding:
    """See whether the books can be written, by writing nothing to them."""
    path = runtime.books.path
    try:
        await runtime.books.write(lambda _connection: None)  # begins and commits a transaction, which a file that is read-only refuses
    except BooksError as error:
        return Finding(about="books", state="problem", said=str(error))
    if path == MEMORY:
        return Finding(about="books", state="ok", said="kept in memory only, as [books] path says; they end with the kernel")
    free = shutil.disk_usage(Path(path).parent).free
    if free < LITTLE_SPACE:
        return Finding(about="books", state="problem", said=f"{path}: {free // 1_000_000} MB are left on its disk", hint="Free some space.")
    return Finding(about="books", state="ok", said=f"{path} can be written")


def is_lossy_with_nest_asyncio(ipykernel: str | None) -> bool:
    """True where nest_asyncio 1.6 loses queued cells: ipykernel 7.1 and later, which run all cells in one shared context."""
    return _is_lossy(_parsed(ipykernel) if ipykernel else None)


def _package(name: str, judge: Callable[[Version], tuple[str, str]], *, missing: str) -> Finding:
    version = _version(name)
    if version is None:
        said = "not installed; cells show no live view" if missing == "problem" else "not installed; fine outside Jupyter"
        return Finding(about=name, state="problem" if missing == "problem" else "left out", said=said, hint=f"pip install {name}")
    note, hint = judge(version)
    return Finding(about=name, state="problem" if hint and missing == "problem" else "ok", said=_shown(name) + note, hint=hint)


def _judge_kernel(version: Version) -> tuple[str, str]:
    """What is known of a version of ipykernel; by how Cancel behaves while a cell runs."""
    if version < (7,):
        return "; here Cancel in a running cell acts only after the cell: use the stop button", "pip install -U ipykernel"
    if version >= (7, 4):
        return "; it delays clicks in running cells, which Routebook mends for its own Cancel", ""
    return "", ""


def _judge_anywidget(version: Version) -> tuple[str, str]:
    return ("; too old for the live view", "pip install -U anywidget") if version < (0, 9, 21) else ("", "")


def _is_lossy(version: Version | None) -> bool:
    return version is not None and version >= (7, 1)


def _version(name: str) -> Version | None:
    shown = _shown(name)
    return _parsed(shown) if shown else None


def _shown(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _parsed(version: str) -> Version:
    """The numbers a version begins with: `7.1.0rc1` is (7, 1, 0)."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
