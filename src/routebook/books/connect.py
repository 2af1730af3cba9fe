"""Connections to the books, and sqlite's errors in our words."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from routebook.books.schema import migrate
from routebook.errors import BooksError

MEMORY: Final = ":memory:"
BUSY_S: Final = 10.0
"""How long a write waits for another kernel's; theirs take milliseconds."""


def connect(path: str) -> sqlite3.Connection:
    """Open the books, make them where there are none, and bring them to this version.

    The connection is in autocommit mode; whoever writes opens the transaction.

    Raises:
        BooksError: with the path and what to do.
    """
    with in_our_words(path):
        if path != MEMORY:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=256)
        try:
            # WAL: readers never wait for the writer. NORMAL: a killed process loses nothing, a power cut at most the last moments.
            _use_wal(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            migrate(connection)
        except BaseException:  # whatever it is, nobody else can close it
            connection.close()
            raise
        return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. When several open new books at the same moment, sqlite fails here at once instead of waiting."""
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


def connect_reader(path: str) -> sqlite3.Connection:
    """Open existing books for reading only.

    Raises:
        BooksError: with the path and what to do.
    """
    with in_our_words(path):
        return sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None)


@contextmanager
def in_our_words(path: str) -> Iterator[None]:
    """Translate what sqlite and the file system raise into `BooksError`."""
    try:
        yield
    except (sqlite3.Error, OSError, ValueError) as error:
        raise BooksError(f"The books at {path} {_trouble(error)}") from error


def _trouble(error: Exception) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    known = {
        sqlite3.SQLITE_NOTADB: "are not a database. Move the file away, or set [books] path in routing.toml to another.",
        sqlite3.SQLITE_CORRUPT: "are damaged. Move the file away to start new books; `sqlite3 FILE .recover` saves what can be read.",
        sqlite3.SQLITE_BUSY: f"were locked by another program for {BUSY_S:g} s. Close it, or set [books] path to another file.",
        sqlite3.SQLITE_FULL: "could not be written: the disk is full. Free some space.",
        sqlite3.SQLITE_READONLY: 'cannot be written: the file is read-only. Change its permissions, or set [books] path (":memory:" for none).',
        sqlite3.SQLITE_CANTOPEN: "cannot be opened. Check that the folder exists and may be written, or set [books] path in routing.toml.",
    }
    primary = code & 0xFF if code is not None else None
    return (
        known.get(primary, "") if primary in known else f'cannot be used: {error}. Set [books] path in routing.toml (":memory:" for none).'
    )
