"""The ledger: one row for each attempt, written when it starts and completed when it ends."""

from __future__ import annotations

import datetime as dt
import sqlite3
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from routebook.books.money import from_pico, to_pico
from routebook.messages import Attempt

COLUMNS: Final = tuple(field.name for field in msgspec.structs.fields(Attempt))
"""The columns of the frame, in its order."""

_STORED: Final = {"cost_usd": "cost_pusd", "baseline_usd": "baseline_pusd"}
STORED_NAMES: Final = tuple(_STORED.get(name, name) for name in COLUMNS)
"""The columns of the table behind them."""
_INSERT: Final = f"INSERT INTO attempts (session, reserved_pusd, reserved_tokens, {', '.join(STORED_NAMES)}) VALUES (?, ?, ?, {', '.join('?' * len(STORED_NAMES))})"  # noqa: S608
# What an attempt is called, what it is for and where it goes is known when it starts; the rest is set at its end.
_SET_AT_END: Final = tuple(
    name
    for name in COLUMNS
    if name in {
        "status", "error_type", "error", "queue_s", "ttft_s", "latency_s", "input_tokens", "cached_tokens", "output_tokens",
        "thinking_tokens", "tokens_estimated", "cost_usd", "baseline_usd", "finish_reason", "reason",
    }
)  # fmt: skip
_UPDATE: Final = f"UPDATE attempts SET reserved_pusd = 0, reserved_tokens = 0, {', '.join(f'{_STORED.get(name, name)} = ?' for name in _SET_AT_END)} WHERE id = ?"  # noqa: S608


def start(connection: sqlite3.Connection, attempt: Attempt, *, session: str, reserved_pusd: int = 0, reserved_tokens: int = 0) -> int:
    """Write the row of an attempt that is about to be sent; return its id."""
    values = [_stored(getattr(attempt, name)) for name in COLUMNS]
    row = connection.execute(_INSERT, (session, reserved_pusd, reserved_tokens, *values)).lastrowid
    if row is None:
        msg = "sqlite gave no row id"
        raise sqlite3.DatabaseError(msg)
    return row


def finish(connection: sqlite3.Connection, row: int, attempt: Attempt) -> None:
    """Complete the row of an attempt that ended, and release what it had reserved."""
    connection.execute(_UPDATE, (*(_stored(getattr(attempt, name)) for name in _SET_AT_END), row))


def take_back(connection: sqlite3.Connection, attempt: Attempt, *, session: str) -> int | None:
    """Delete the row of an attempt that was never sent, and what it had reserved; return its id, `None` if it was not written."""
    found = connection.execute(
        "DELETE FROM attempts WHERE request_id = ? AND attempt = ? AND session = ? AND status = 'running' RETURNING id",
        (attempt.request_id, attempt.attempt, session),
    ).fetchone()
    return None if found is None else int(found[0])


class Running(NamedTuple):
    """An attempt under way, and what is reserved for it."""

    row: int
    attempt: Attempt
    reserved_pusd: int
    reserved_tokens: int


def running(connection: sqlite3.Connection, session: str) -> list[Running]:
    """The attempts of a process that have not ended."""
    query = (
        f"SELECT id, reserved_pusd, reserved_tokens, {', '.join(STORED_NAMES)} FROM attempts "  # noqa: S608  our own names
        "WHERE status = 'running' AND session = ?"
    )
    return [Running(row, _attempt(tuple(rest)), money, tokens) for row, money, tokens, *rest in connection.execute(query, (session,))]


def set_feedback(connection: sqlite3.Connection, request_id: str, feedback: float, *, attempt: int | None = None) -> int:
    """Mark an attempt of a request, without a number the last: 1 good, 0 bad. Returns how many rows that was."""
    return connection.execute(
        "UPDATE attempts SET feedback = ? WHERE id = (SELECT max(id) FROM attempts WHERE request_id = ? AND coalesce(attempt = ?, 1))",
        (feedback, request_id, attempt),
    ).rowcount


def attempts_of(connection: sqlite3.Connection, request_id: str | None = None) -> list[Attempt]:
    """The attempts of one request, or of the newest, in order."""
    where = "request_id = ?" if request_id else "request_id = (SELECT request_id FROM attempts ORDER BY id DESC LIMIT 1)"
    query = f"SELECT {', '.join(STORED_NAMES)} FROM attempts WHERE {where} ORDER BY attempt, id"  # noqa: S608
    return [_attempt(row) for row in connection.execute(query, (request_id,) if request_id else ())]


def _stored(value: Any) -> Any:  # noqa: ANN401  a column's value
    if isinstance(value, Decimal):
        return to_pico(value)
    if isinstance(value, dt.datetime):
        return round(value.timestamp() * 1e6)
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode()  # a file's name may have bytes that are no text
    return value


def _attempt(row: tuple[Any, ...]) -> Attempt:
    values = dict(zip(COLUMNS, row, strict=True))
    values["time"] = dt.datetime.fromtimestamp(values["time"] / 1e6, dt.UTC)
    values["tokens_estimated"] = bool(values["tokens_estimated"])
    for name in _STORED:
        values[name] = None if values[name] is None else from_pico(values[name])
    return Attempt(**values)
