"""The `quality` of a pool or a route in the text of a `routing.toml`: read, and written so that nothing else of the text changes."""

from __future__ import annotations

import re
from typing import Any, Final

import tomli

from routebook.config.lines import headers, positions
from routebook.config.values import Config
from routebook.errors import UsageError

KEY: Final = "quality"
_VALUE: Final = re.compile(r"""(?<![\w"'.-])quality(\s*=\s*)[-+0-9.eE_]+""")
Place = tuple[str, str]
"""`("pool", NAME)` or `("route", NAME)`."""


def places(config: Config) -> dict[Place, float]:
    """The knobs that are in use, and where each stands: pools with `pick = "best"`, and routes with `quality`."""
    pools = {("pool", name): pool.quality for name, pool in config.pools.items() if pool.pick == "best"}
    return pools | {("route", route.name): route.quality for route in config.routes if route.quality is not None}


def with_quality(text: str, place: Place, quality: float) -> str:
    """Return the text with another `quality` of a pool or a route; comments, order and everything else stay as they are.

    Raises:
        UsageError: the place is not in the text, or written in a way that is better changed by hand.
    """
    try:
        before = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise UsageError(f"The file is not right TOML any more, so nothing was changed: {error}.") from error
    path = _path(before, place)
    wanted = _changed(before, path, quality)
    lines = text.split("\n")
    for changed in (_replaced(lines, positions(text).get((*path, KEY)), quality), _inserted(lines, text, path, quality)):
        if changed is not None and _reads_as(changed, wanted):
            return changed
    raise UsageError(
        f"The {KEY} of {place[0]} {place[1]!r} cannot be changed here without changing more; write {KEY} = {quality:g} by hand."
    )


def _path(found: dict[str, Any], place: Place) -> tuple[str | int, ...]:
    kind, name = place
    if kind == "pool" and name in found.get("pools", {}):
        return "pools", name
    routes = found.get("routes", [])
    at = next((at for at, route in enumerate(routes) if kind == "route" and route.get("name") == name), None)
    if at is None:
        raise UsageError(f"There is no {kind} {name!r} in the file.")
    return "routes", at


def _changed(found: dict[str, Any], path: tuple[str | int, ...], quality: float) -> dict[str, Any]:
    """What the text must then say: the same but for one value."""
    tables: Any = found[str(path[0])]
    last: Any = path[1]
    copied = list(tables) if isinstance(tables, list) else dict(tables)
    copied[last] = {**tables[last], KEY: quality}
    return {**found, str(path[0]): copied}


def _replaced(lines: list[str], line: int | None, quality: float) -> str | None:
    """The value in the place of the one on its line; `None` where it cannot be told which that is."""
    if line is None:
        return None
    new, count = _VALUE.subn(lambda match: f"{KEY}{match[1]}{quality:g}", lines[line - 1])
    return "\n".join([*lines[: line - 1], new, *lines[line:]]) if count == 1 else None


def _inserted(lines: list[str], text: str, path: tuple[str | int, ...], quality: float) -> str | None:
    """A line of its own below the table's header, or the first thing inside an inline table."""
    header = next((line for inner, line in headers(text) if inner == path), None)
    if header is not None:
        return "\n".join([*lines[:header], f"{KEY} = {quality:g}", *lines[header:]])
    line = positions(text).get(path)
    if line is None or "{" not in lines[line - 1]:
        return None
    return "\n".join([*lines[: line - 1], re.sub(r"=\s*\{", f"= {{ {KEY} = {quality:g},", lines[line - 1], count=1), *lines[line:]])


def _reads_as(text: str, wanted: dict[str, Any]) -> bool:
    """Whether a text is right, and says what is wanted and nothing else."""
    try:
        return tomli.loads(text) == wanted
    except tomli.TOMLDecodeError:
        return False
