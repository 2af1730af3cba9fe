"""Servers whose answers are kept, and what the cache holds of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from routebook.engine.router import Router
from routebook.testing import Chaos, ScriptedServer

HOUR: dict[str, Any] = {"cache": {"ttl_s": 3600}}
"""A route whose answers live for an hour."""


def answering() -> Iterator[ScriptedServer]:
    """A server that answers at once."""
    with ScriptedServer(reply="one two three") as opened:
        yield opened


def taking_time() -> Iterator[ScriptedServer]:
    """A server that needs two seconds for its answer."""
    with ScriptedServer(script=Chaos(tokens=200, tokens_per_s=100)) as opened:
        yield opened


def entries(of: Router) -> int:
    """How many answers the cache holds."""
    found: tuple[int] = of.runtime().books.read(lambda connection: connection.execute("SELECT count(*) FROM cache").fetchone())
    return found[0]
