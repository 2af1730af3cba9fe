"""Books with as many attempts as a benchmark asks for, made inside SQLite: a heavy user's years in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routebook.books import packed
from routebook.books.connect import connect

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

ROWS = """
WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :first + :count)
INSERT INTO attempts (
    session, time, request_id, attempt, kind, notebook, cell_id, task, complexity, strength, route, agent, priority, model, provider, tier,
    pool, status, error_type, error, queue_s, ttft_s, latency_s, input_tokens, cached_tokens, output_tokens, tokens_estimated, cost_pusd,
    baseline_pusd, finish_reason, feedback, reason)
SELECT
    's' || (i / 500), 1760000000000000 + i * 60000000, printf('%012x', i * 40503), 1 + (i % 17 = 0), iif(i % 17, 'answer', 'fallback'),
    'notebook-' || (i % 40) || '.ipynb', 'cell-' || (i % 2000), 'task-' || (i % 19), i % 101 / 10.0, i % 89 / 89.0, 'route-' || (i % 7),
    iif(i % 3, NULL, 'agent-' || (i % 5)), 'P' || (i % 4), 'model-' || (i % 23), 'provider-' || (i % 6),
    CASE i % 3 WHEN 0 THEN 'local' WHEN 1 THEN 'free' ELSE 'paid' END, iif(i % 5, NULL, 'pool-' || (i % 3)), iif(i % 29, 'ok', 'error'),
    iif(i % 29, NULL, 'Unavailable'), iif(i % 29, NULL, 'provider: overloaded, try again later (request ' || i || ')'),
    i % 13 / 100.0, 0.2 + i % 997 / 500.0, 1 + i % 4001 / 400.0, 200 + i % 3000, iif(i % 4, NULL, i % 500), 50 + i % 1500, i % 31 = 0,
    iif(i % 11, (i % 5003) * 1000003, NULL), (i % 7001) * 1000003, iif(i % 29, 'stop', 'error'), iif(i % 200, NULL, i % 2), 'first choice'
FROM n
"""


def fill(path: Path, *, rows: int, first: int = 0, is_packed: bool = False) -> None:
    """Add so many ended attempts to the books at `path`, numbered from `first`; packed, as they are when the engine wrote them."""
    connection = connect(str(path))
    try:
        add(connection, rows=rows, first=first)
        while is_packed:
            connection.execute("BEGIN IMMEDIATE")
            is_packed = packed.pack(connection)
            connection.execute("COMMIT")
    finally:
        connection.close()


def add(connection: sqlite3.Connection, *, rows: int, first: int = 0) -> None:
    """As `fill`, with a connection at hand."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(ROWS, {"first": first, "count": rows})
    connection.execute("COMMIT")
