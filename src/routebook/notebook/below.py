"""The cells that stand below the running one, as the notebook was last saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

LARGEST: Final = 50_000_000
"""Bytes of a notebook that is read; a larger one would keep its first cell waiting."""


def cells_below(file: Path | None, *, cell_id: str | None, source: str) -> list[str] | None:
    """Return the sources of the code cells below the running one; `None` where the file does not say: it is not there, or has no such cell.

    Args:
        file: the saved notebook.
        cell_id: of the running cell, as its front end tells it.
        source: the running cell's text, to find it by where it has no id.
    """
    cells = _cells(file) if file is not None else []
    places = [at for at, cell in enumerate(cells) if cell_id is not None and cell.get("id") == cell_id]
    places = places or [at for at, cell in enumerate(cells) if _source(cell).strip() == source.strip()]
    if not places:
        return None
    return [_source(cell) for cell in cells[places[0] + 1 :] if cell.get("cell_type") == "code"]


def _cells(file: Path) -> list[dict[str, Any]]:
    try:
        if file.stat().st_size > LARGEST:
            return []
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):  # not saved yet, on another machine, or being written
        return []
    cells = found.get("cells") if isinstance(found, dict) else None
    return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []


def _source(cell: dict[str, Any]) -> str:
    """A source stands there as a text or as its lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(map(str, source))
