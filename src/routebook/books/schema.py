"""The tables of the books, as a list of migrations: each runs once, in order, and is never edited after a release.

Times are microseconds since 1970 in UTC, money is whole pico-dollars (10**-12 USD), so that sums are exact: the cheapest
cached token on any price list costs about 10**-9 USD.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

MIGRATIONS: Final = (
    """
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY, pid INTEGER NOT NULL, started INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY,
        session TEXT NOT NULL,
        time INTEGER NOT NULL,
        request_id TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        kind TEXT NOT NULL,
        notebook TEXT, cell_id TEXT,
        task TEXT NOT NULL, complexity REAL NOT NULL, strength REAL NOT NULL,
        route TEXT NOT NULL, agent TEXT, priority TEXT NOT NULL,
        model TEXT NOT NULL, provider TEXT NOT NULL, tier TEXT NOT NULL, pool TEXT,
        status TEXT NOT NULL, error_type TEXT, error TEXT,
        queue_s REAL, ttft_s REAL, latency_s REAL,
        input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER, tokens_estimated INTEGER NOT NULL DEFAULT 0,
        cost_pusd INTEGER, baseline_pusd INTEGER, reserved_pusd INTEGER NOT NULL DEFAULT 0,
        finish_reason TEXT, feedback REAL, reason TEXT NOT NULL
    ) STRICT;
    CREATE INDEX attempts_request ON attempts (request_id);
    CREATE INDEX attempts_running ON attempts (session) WHERE status = 'running';

    CREATE TABLE spending (
        scope TEXT NOT NULL,
        hour INTEGER NOT NULL,
        cost_pusd INTEGER NOT NULL, calls INTEGER NOT NULL, unpriced INTEGER NOT NULL, tokens INTEGER NOT NULL,
        PRIMARY KEY (scope, hour)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    ALTER TABLE attempts ADD COLUMN reserved_tokens INTEGER NOT NULL DEFAULT 0;
    DROP INDEX attempts_running;
    CREATE INDEX attempts_running
        ON attempts (session, reserved_pusd, reserved_tokens, provider, model, pool, tier, agent, notebook) WHERE status = 'running';
    CREATE INDEX attempts_feedback ON attempts (id, feedback) WHERE feedback IS NOT NULL;
    """,
    """
    ALTER TABLE sessions ADD COLUMN seen INTEGER;

    CREATE TABLE boots (
        boot TEXT PRIMARY KEY, offset INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE quota_use (
        scope TEXT NOT NULL, span TEXT NOT NULL, bucket INTEGER NOT NULL, requests INTEGER NOT NULL, tokens INTEGER NOT NULL,
        PRIMARY KEY (scope, span, bucket)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE quotas (
        scope TEXT NOT NULL, kind TEXT NOT NULL, period TEXT NOT NULL,
        most INTEGER, "left" INTEGER NOT NULL, resets INTEGER NOT NULL, told INTEGER NOT NULL,
        PRIMARY KEY (scope, kind, period)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE cooldowns (
        scope TEXT PRIMARY KEY,
        until INTEGER NOT NULL, reason TEXT NOT NULL, is_day INTEGER NOT NULL, told INTEGER NOT NULL,
        probe INTEGER, probe_until INTEGER
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE leases (
        attempt INTEGER PRIMARY KEY,
        session TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, tokens INTEGER NOT NULL, since INTEGER NOT NULL
    ) STRICT;
    """,
    """
    CREATE TABLE cache (
        key BLOB PRIMARY KEY, used INTEGER NOT NULL, ends INTEGER NOT NULL,
        bytes INTEGER NOT NULL, checksum INTEGER NOT NULL, answer BLOB NOT NULL
    ) STRICT;
    CREATE INDEX cache_used ON cache (used);
    CREATE INDEX cache_ends ON cache (ends);
    CREATE TABLE cache_sums (
        entries INTEGER NOT NULL, bytes INTEGER NOT NULL, hits INTEGER NOT NULL, saved_pusd INTEGER NOT NULL
    ) STRICT;
    INSERT INTO cache_sums VALUES (0, 0, 0, 0);
    CREATE TABLE cache_asking (
        key BLOB PRIMARY KEY, session TEXT NOT NULL, pid INTEGER NOT NULL, until REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE outcomes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        session TEXT NOT NULL,
        time INTEGER NOT NULL,
        request_id TEXT NOT NULL,
        task TEXT NOT NULL, model TEXT NOT NULL,
        source TEXT NOT NULL, score REAL NOT NULL,
        versus TEXT, signature BLOB
    ) STRICT;
    CREATE INDEX outcomes_request ON outcomes (request_id);
    """,
    """
    CREATE TABLE fits (
        id INTEGER PRIMARY KEY CHECK (id = 1), time INTEGER NOT NULL, rows INTEGER NOT NULL, fit BLOB NOT NULL
    ) STRICT;
    """,
    """
    CREATE TABLE cache_given (
        request_id TEXT PRIMARY KEY, key BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX cache_given_key ON cache_given (key);
    INSERT OR IGNORE INTO cache_given
        SELECT json_extract(CAST(answer AS TEXT), '$.request_id'), key FROM cache WHERE json_valid(CAST(answer AS TEXT));
    """,
    """
    ALTER TABLE attempts ADD COLUMN step TEXT;
    ALTER TABLE attempts ADD COLUMN thinking_tokens INTEGER;
    """,
    """
    CREATE TABLE packed (
        last INTEGER PRIMARY KEY, first INTEGER NOT NULL, rows BLOB NOT NULL
    ) STRICT;
    CREATE TRIGGER packed_begun AFTER INSERT ON attempts WHEN new.id <= (SELECT max(last) FROM packed) BEGIN
        DELETE FROM packed WHERE last = (SELECT min(last) FROM packed WHERE last >= new.id) AND first <= new.id;
    END;
    CREATE TRIGGER packed_changed AFTER UPDATE ON attempts WHEN old.status != 'running' AND new.feedback IS old.feedback BEGIN
        DELETE FROM packed WHERE last = (SELECT min(last) FROM packed WHERE last >= old.id) AND first <= old.id;
    END;
    CREATE TRIGGER packed_gone AFTER DELETE ON attempts WHEN old.status != 'running' BEGIN
        DELETE FROM packed WHERE last = (SELECT min(last) FROM packed WHERE last >= old.id) AND first <= old.id;
    END;
    """,
    """
    CREATE TABLE lost_spending (
        scope TEXT NOT NULL, hour INTEGER NOT NULL, calls INTEGER NOT NULL, most_pusd INTEGER NOT NULL, tokens INTEGER NOT NULL,
        PRIMARY KEY (scope, hour)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE alerts_said (
        key TEXT PRIMARY KEY, time INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE waiting (
        scope TEXT NOT NULL, session TEXT NOT NULL, rank INTEGER NOT NULL, tokens INTEGER NOT NULL, until INTEGER NOT NULL,
        PRIMARY KEY (scope, session)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE experiment_draws (
        request_id TEXT PRIMARY KEY, name TEXT NOT NULL, setup TEXT NOT NULL, model TEXT NOT NULL, time INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX experiment_draws_name ON experiment_draws (name, setup);
    CREATE TABLE experiment_ends (
        name TEXT NOT NULL, setup TEXT NOT NULL, winner TEXT, sure REAL NOT NULL, time INTEGER NOT NULL,
        PRIMARY KEY (name, setup)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE notes (
        request_id TEXT NOT NULL, attempt INTEGER NOT NULL, time INTEGER NOT NULL, note TEXT NOT NULL,
        PRIMARY KEY (request_id, attempt)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE tool_calls (
        id INTEGER PRIMARY KEY, session TEXT NOT NULL, time INTEGER NOT NULL,
        request_id TEXT NOT NULL, attempt INTEGER NOT NULL,
        name TEXT NOT NULL, "by" TEXT NOT NULL, status TEXT NOT NULL, seconds REAL NOT NULL, bytes INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX tool_calls_request ON tool_calls (request_id);
    """,
    """
    CREATE TABLE misroutes (
        request_id TEXT PRIMARY KEY, time INTEGER NOT NULL, task TEXT NOT NULL, route TEXT NOT NULL, should TEXT
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE day_resets (
        scope TEXT NOT NULL, kind TEXT NOT NULL, whole_at INTEGER NOT NULL,
        PRIMARY KEY (scope, kind)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE bulk_answers (
        job BLOB NOT NULL, key BLOB NOT NULL, text TEXT NOT NULL, model TEXT NOT NULL, request_id TEXT NOT NULL, cost_pusd INTEGER,
        time INTEGER NOT NULL,
        PRIMARY KEY (job, key)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE residents (
        place TEXT NOT NULL, model TEXT NOT NULL,
        used INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0, leaving INTEGER NOT NULL DEFAULT 0, "by" INTEGER,
        wanted INTEGER NOT NULL DEFAULT 0, asked INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (place, model)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE loads (
        id INTEGER PRIMARY KEY, place TEXT NOT NULL, model TEXT NOT NULL, time INTEGER NOT NULL, load_s REAL NOT NULL
    ) STRICT;
    CREATE INDEX loads_model ON loads (place, model);
    """,
    """
    CREATE TABLE evaluations (
        id INTEGER PRIMARY KEY, suite BLOB NOT NULL, name TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER, is_whole INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE evaluation_results (
        run INTEGER NOT NULL, key BLOB NOT NULL, time INTEGER NOT NULL, model TEXT NOT NULL, task TEXT NOT NULL,
        score REAL NOT NULL, said TEXT NOT NULL, request_id TEXT NOT NULL,
        ttft_s REAL, latency_s REAL, input_tokens INTEGER, output_tokens INTEGER, cost_pusd INTEGER,
        PRIMARY KEY (run, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX evaluation_results_model ON evaluation_results (model);
    """,
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to this version, in one transaction.

    Raises:
        ValueError: the books were written by a newer Routebook.
        sqlite3.Error: the file is not a database, is locked, or cannot be written.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        msg = f"version {version} of the books is newer than this Routebook, which knows {len(MIGRATIONS)}"
        raise ValueError(msg)
    if version == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]  # another process may have been first
        for number in range(version, len(MIGRATIONS)):
            for statement in _statements(MIGRATIONS[number]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")
        connection.execute("COMMIT")
    except BaseException:  # also an interrupt: half a change is never kept
        connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """The statements one by one; a trigger has semicolons of its own."""
    statement = ""
    for piece in script.split(";")[:-1]:
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
