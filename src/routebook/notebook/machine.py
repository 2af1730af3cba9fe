"""This machine, as `%route models` and `%route status` show it: what is loaded, what fits, what is being pulled."""

from __future__ import annotations

from collections.abc import Sequence

from routebook.engine.machine.overview import ModelHere, Overview, Place
from routebook.engine.machine.pulls import PullLine
from routebook.notebook import figures
from routebook.notebook.report import Heading, Part
from routebook.notebook.table import Table

TITLES = ("here", "model", "id", "provider", ">memory", ">loads in", ">tokens/s, all sessions")


def machine_parts(found: Overview) -> list[Part]:
    """The models of this machine; nothing where there are none."""
    if not found.models:
        return []
    total = f"{figures.size(found.total_bytes)} of memory" if found.total_bytes is not None else "its memory is not known"
    faint = [place for place, line in enumerate(found.models) if line.fit in ("too large", "not there")]
    return [
        Heading(f"this machine: {total}"),
        Table(TITLES, [_row(line) for line in found.models], faint=faint),
        *map(_place, found.places),
    ]


def pull_parts(lines: Sequence[PullLine]) -> list[Part]:
    """What is being pulled; nothing where nothing is."""
    rows = [(line.model, line.provider, line.progress, figures.seconds(line.left_s)) for line in lines]
    return [Heading("being pulled"), Table(("model", "provider", "progress", ">left"), rows)] if rows else []


def _row(line: ModelHere) -> tuple[str, ...]:
    size = figures.size(line.size_bytes) if line.size_bytes else ""
    load = figures.seconds(line.load_s) if line.fit != "loaded" else ""
    name = line.name or "(not in routing.toml)"
    return line.fit or "unknown", name, line.id, line.provider, size, load, figures.count(line.tokens_per_s)


def _place(place: Place) -> str:
    """One provider's memory in a sentence."""
    if place.trouble:
        return f"{place.provider}: what is loaded is not known ({place.trouble})"
    most = f" of {place.max_loaded}" if place.max_loaded is not None else ""
    room = f" of {figures.size(place.max_bytes)}" if place.max_bytes is not None else ""
    return f"{place.provider}: {place.loaded}{most} loaded, {figures.size(place.taken_bytes)}{room}"
