"""`%route nest on`: `asyncio.run()` in cells, for those who need it. Routebook itself needs nothing of the kind."""

from __future__ import annotations

import asyncio
import importlib.metadata
from importlib.util import find_spec
from typing import Final

from routebook.engine.health.machine import is_lossy_with_nest_asyncio
from routebook.errors import SetupNeeded, UsageError
from routebook.notebook.report import report
from routebook.notebook.session import Session

GET: Final = "pip install nest-asyncio2, then %route nest on"


def nest(session: Session, rest: str) -> None:
    """Let event loops nest in this kernel; they cannot be made to stop."""
    if rest not in ("on", "off"):
        raise UsageError(f"%route nest takes on or off, not {rest!r}.")
    session.show(report(_on() if rest == "on" else _off()))


def _on() -> str:
    if _is_old_one_applied() and is_lossy_with_nest_asyncio(_ipykernel()):
        raise SetupNeeded(
            f"nest_asyncio was applied in this kernel, and loses the cells that wait behind a running one. Restart it; then: {GET}."
        )
    if find_spec("nest_asyncio2") is not None:
        import nest_asyncio2

        nest_asyncio2.apply()
        return "asyncio.run() works in cells now (nest_asyncio2), until the kernel restarts."
    if find_spec("nest_asyncio") is None:
        raise SetupNeeded(f"Nothing is installed that lets event loops nest. Type: {GET}.")
    if is_lossy_with_nest_asyncio(kernel := _ipykernel()):
        raise SetupNeeded(
            f"nest_asyncio loses the cells that wait behind a running one on ipykernel {kernel} (Run All stops half-way with "
            f"'cannot enter context'), and it is no longer maintained, so it is not used here. Its successor does not: {GET}."
        )
    import nest_asyncio  # type: ignore[import-not-found, unused-ignore]  # what some kernels bring along

    nest_asyncio.apply()
    return f"asyncio.run() works in cells now (nest_asyncio, which is no longer maintained; better: {GET}), until the kernel restarts."


def _off() -> str:
    if not hasattr(asyncio, "_nest_patched"):  # both packages mark what they changed
        return "It is off."
    raise UsageError(
        "What nest on changes in asyncio cannot be taken back while the kernel runs. Restart the kernel; it starts with nest off."
    )


def _is_old_one_applied() -> bool:
    return hasattr(asyncio, "_nest_patched") and not hasattr(asyncio, "_nest_asyncio2")


def _ipykernel() -> str | None:
    try:
        return importlib.metadata.version("ipykernel")
    except importlib.metadata.PackageNotFoundError:
        return None
