"""The `quality` of a pool or a route in the text of a `routing.toml`: where it may stand, and written so that nothing else of the text changes."""

from __future__ import annotations

from typing import Any, Final

from routebook.config.lines import KeyPath
from routebook.config.reread import loaded
from routebook.config.rewrite import with_value
from routebook.config.values import Config
from routebook.errors import UsageError

KEY: Final = "quality"
Place = tuple[str, str]
"""`("pool", NAME)` or `("route", NAME)`."""


def places(config: Config) -> dict[Place, float]:
    """The knobs that are in use, and where each stands: pools with `pick = "best"`, and routes with `quality`."""
    pools = {("pool", name): pool.quality for name, pool in config.pools.items() if pool.pick == "best"}
    return pools | {("route", route.name): route.quality for route in config.routes if route.quality is not None}


def with_quality(text: str, place: Place, quality: float) -> str:
    """Return the text with another `quality` of a pool or a route, to six digits; comments, order and everything else stay as they are.

    Raises:
        UsageError: the place is not in the text, or written in a way that is better changed by hand.
    """
    return with_value(text, (*_path(loaded(text), place), KEY), float(f"{quality:g}"))


def _path(found: dict[str, Any], place: Place) -> KeyPath:
    kind, name = place
    if kind == "pool" and name in found.get("pools", {}):
        return "pools", name
    routes = found.get("routes", [])
    at = next((at for at, route in enumerate(routes) if kind == "route" and route.get("name") == name), None)
    if at is None:
        raise UsageError(f"There is no {kind} {name!r} in the file.")
    return "routes", at
