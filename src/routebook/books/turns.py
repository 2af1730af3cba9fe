"""Whose turn it is, over all kernels: who was sent away for want of room leaves word, and who comes later lets them go first.

Kernels do not hear when another gives something back, they look; without an order, one that sends all day would always be there first. Each
kernel leaves word for the one of its requests that is next, for so long as until it looks again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from routebook.books.steady import MICRO

WORD_S: Final = 2.5
"""Who has not looked again for so long does not wait any more: looks are at most 1.3 s apart."""


def ahead(connection: sqlite3.Connection, scope: str, *, session: str, rank: int, now: int) -> tuple[int, int]:
    """How many other kernels' requests come before one of this rank, and the tokens that these need."""
    query = "SELECT count(*), coalesce(sum(tokens), 0) FROM waiting WHERE scope = ? AND session != ? AND rank < ? AND until > ?"
    requests, tokens = connection.execute(query, (scope, session, rank, now)).fetchone()
    return requests, tokens


def leave_word(connection: sqlite3.Connection, scopes: Iterable[str], *, session: str, rank: int, tokens: int, now: int) -> None:
    """Say that a request waits for room in some scopes; what this kernel said of them before is void."""
    connection.executemany(
        "INSERT OR REPLACE INTO waiting VALUES (?, ?, ?, ?, ?)",
        [(scope, session, rank, tokens, now + round(WORD_S * MICRO)) for scope in scopes],
    )


def forget(connection: sqlite3.Connection, scopes: Iterable[str], *, session: str) -> None:
    """Nobody of this kernel waits there any more; those who do will say so again."""
    connection.executemany("DELETE FROM waiting WHERE scope = ? AND session = ?", [(scope, session) for scope in scopes])
