"""Answers of a frame that is not finished, so that the same call goes on where it was stopped, in this process or the next.

An answer is kept in the transaction that ends its row: there is no moment at which it is paid for and could still be lost.
"""

from __future__ import annotations

import sqlite3
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, NamedTuple

from routebook.books.money import to_pico
from routebook.messages import Attempt

_ANSWERING: Final = ("answer", "retry", "fallback", "hedge", "tool")
"""Attempts whose text is for the one who asked; those of judges, warm-ups and the like are not."""


class Kept(NamedTuple):
    """One answer."""

    key: bytes
    """Of the prompt."""
    text: str
    model: str
    request_id: str
    cost_pusd: int | None


class Keeping(NamedTuple):
    """An answer to keep for a job."""

    job: bytes
    kept: Kept


@dataclass(slots=True)
class Wanted:
    """The prompt of a job that a task asks for."""

    job: bytes
    key: bytes
    kept: Kept | None = None
    """What is kept for it by now."""

    def keeping(self, attempt: Attempt, text: str | None) -> Keeping | None:
        """The answer that an attempt is for certain: it ended well, is no step of a pipeline, and asks for no tool (then it has no `text`)."""
        if text is None or attempt.status != "ok" or attempt.step is not None or attempt.kind not in _ANSWERING:
            return None
        cost = None if attempt.cost_usd is None else to_pico(attempt.cost_usd)
        return Keeping(self.job, Kept(self.key, text, attempt.model, attempt.request_id, cost))


WANTED: Final[ContextVar[Wanted | None]] = ContextVar("routebook_wanted", default=None)
"""Set by a bulk job in the task that asks for a prompt; what asks on its behalf inherits it."""


def keep(connection: sqlite3.Connection, job: bytes, kept: Kept, *, time: int) -> None:
    """Write an answer down; time in microseconds since 1970."""
    connection.execute("INSERT OR REPLACE INTO bulk_answers VALUES (?, ?, ?, ?, ?, ?, ?)", (job, *kept, time))


def kept_of(connection: sqlite3.Connection, job: bytes) -> dict[bytes, Kept]:
    """The answers of a job, by the prompt's key."""
    query = "SELECT key, text, model, request_id, cost_pusd FROM bulk_answers WHERE job = ?"
    return {row[0]: Kept(*row) for row in connection.execute(query, (job,))}


def drop(connection: sqlite3.Connection, job: bytes) -> None:
    """Forget a job that is done."""
    connection.execute("DELETE FROM bulk_answers WHERE job = ?", (job,))
