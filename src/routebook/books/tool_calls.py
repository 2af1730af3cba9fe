"""Which tools were run: one row for each call, without its arguments and its result."""

from __future__ import annotations

import sqlite3
import time

from routebook.messages import ToolRun, Value


class ToolRow(Value, frozen=True, kw_only=True):
    """A call of a tool as the books keep it."""

    attempt: int
    """The number of the attempt that asked for it."""
    name: str
    by: str
    """The tool that gave the result: itself, or a fallback."""
    status: str
    seconds: float
    bytes: int


def add(connection: sqlite3.Connection, request_id: str, run: ToolRun, *, session: str) -> None:
    """Write one call."""
    connection.execute(
        'INSERT INTO tool_calls (session, time, request_id, attempt, name, "by", status, seconds, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
        (session, round(time.time() * 1e6), request_id, run.attempt, run.name, run.by, run.status, run.seconds, run.bytes),
    )


def tool_calls_of(connection: sqlite3.Connection, request_id: str) -> list[ToolRow]:
    """The calls of a request, in order."""
    found = connection.execute(
        'SELECT attempt, name, "by", status, seconds, bytes FROM tool_calls WHERE request_id = ? ORDER BY id', (request_id,)
    )
    return [ToolRow(**dict(zip(ToolRow.__struct_fields__, row, strict=True))) for row in found]
