"""Changes to the text of a `routing.toml` that leave everything else as it was written: comments, blank lines, the order of keys.

Whole lines are moved, so no library that writes TOML is needed, and nothing is written in another way than its author chose.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from routebook.config.lines import headers
from routebook.config.reread import loaded, says
from routebook.errors import UsageError

_MARK: Final = "# "


def route_names(text: str) -> list[str]:
    """The names of the routes of a right text, in its order; a config has its default last, wherever that stands."""
    return [str(route.get("name")) for route in loaded(text).get("routes", ())]


def route_lines(text: str, route: int) -> tuple[int, int]:
    """The lines of a route, counted from 0, without the comments above it: the first, and the one behind its last.

    Raises:
        UsageError: there is no such route, or the routes are not written as `[[routes]]`.
    """
    lines = text.split("\n")
    blocks = _routes(text, lines)
    if not 0 <= route < len(blocks):
        raise UsageError("The routes are not written as [[routes]] tables here; change them by hand.")
    start = next(line for line in range(blocks[route].start, blocks[route].end) if not lines[line].lstrip().startswith("#"))
    return start, blocks[route].end


class _Block(NamedTuple):
    """Lines from `start` up to `end`, counted from 0."""

    start: int
    end: int


def move_route(text: str, route: int, *, by: int) -> str:
    """Return the text with a route, counted from 0, so many places further down (or up, below 0), its comments and sub-tables with it.

    Raises:
        UsageError: there is no such route, or no such place, or the routes are not written as `[[routes]]`.
    """
    lines = text.split("\n")
    blocks = _routes(text, lines)
    if not blocks:
        raise UsageError("The routes are not written as [[routes]] tables here; move them by hand.")
    if not (0 <= route < len(blocks) and 0 <= route + by < len(blocks)):
        raise UsageError(f"Route {route + 1} of {len(blocks)} cannot be moved by {by:+d}.")
    step = 1 if by > 0 else -1
    for place in range(route, route + by, step):
        first, second = sorted((place, place + step))
        lines = _swapped(lines, blocks[first], blocks[second])
        blocks = _routes("\n".join(lines), lines)
    return "\n".join(lines)


def without_route(text: str, name: str) -> str:
    """Return the text with a route as comments: nothing is lost, and taking the marks away brings it back.

    Raises:
        UsageError: there is no such route, or it is not written as a `[[routes]]` table of its own.
    """
    names = route_names(text)
    if name not in names:
        raise UsageError(f"There is no route {name!r} in the file.")
    before, place = loaded(text), names.index(name)
    start, end = route_lines(text, place)
    lines = text.split("\n")
    marked = [_MARK + line if line.strip() and not line.startswith("#") else line for line in lines[start:end]]
    changed = "\n".join([*lines[:start], *marked, *lines[end:]])
    if not says(changed, {**before, "routes": [route for at, route in enumerate(before["routes"]) if at != place]}):
        raise UsageError(f"Route {name!r} cannot be put out of use here without changing more; do it by hand.")
    return changed


def _swapped(lines: list[str], one: _Block, other: _Block) -> list[str]:
    """The lines with two blocks in each other's place; what stands between and around them stays."""
    return [
        *lines[: one.start], *lines[other.start : other.end], *lines[one.end : other.start], *lines[one.start : one.end], *lines[other.end :],
    ]  # fmt: skip


def _routes(text: str, lines: list[str]) -> list[_Block]:
    """Each route from the comments right above its header to its last line that is not blank."""
    heads = headers(text)
    blocks: list[_Block] = []
    for at, (path, line) in enumerate(heads):
        if len(path) == 2 and path[0] == "routes":  # noqa: PLR2004  ("routes", place)
            after = next((below for inner, below in heads[at + 1 :] if inner[: len(path)] != path), None)
            end = len(lines) if after is None else _above(lines, after - 1)
            blocks.append(_Block(_above(lines, line - 1), _trimmed(lines, end)))
    return blocks


def _above(lines: list[str], header: int) -> int:
    """Where the comments right above a header begin."""
    while header and lines[header - 1].lstrip().startswith("#"):
        header -= 1
    return header


def _trimmed(lines: list[str], end: int) -> int:
    while not lines[end - 1].strip():
        end -= 1
    return end
