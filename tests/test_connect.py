"""Opening the books: made, migrated, or refused with what to do."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from making import attempt

from routebook.books.books import Books
from routebook.books.connect import connect
from routebook.books.schema import MIGRATIONS
from routebook.errors import BooksError


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where no books are yet."""
    return str(tmp_path / "books.db")


async def write(books: Books) -> None:
    """Write one row."""
    await books.start(attempt(status="running"), need_usd=None)


def count(books: Books) -> int:
    """How many rows the ledger has."""
    found: tuple[int] = books.read(lambda connection: connection.execute("SELECT count(*) FROM attempts").fetchone())
    return found[0]


def test_the_folders_of_the_books_are_made_and_any_name_will_do(tmp_path: Path) -> None:
    """The user data folder is not there on a fresh machine, and people's folders have people's names."""
    path = tmp_path / "new" / "Bücher & co #1?%20" / "books.db"
    books = Books(str(path), budgets={})
    asyncio.run(write(books))
    assert count(books) == 1
    books.close()
    assert path.exists()


def test_books_that_are_no_database_are_refused_and_left_alone(path: str) -> None:
    """A typing error in `[books]` must not overwrite a thesis."""
    Path(path).write_text("My thesis\n" * 1000)
    with pytest.raises(BooksError, match=r"books\.db are not a database\. Move the file away, or set \[books\] path"):
        Books(path, budgets={})
    assert Path(path).read_text() == "My thesis\n" * 1000


def test_damaged_books_say_how_to_save_what_can_be_read(path: str) -> None:
    """A bad disk, a synced folder."""
    books = Books(path, budgets={})
    asyncio.run(write(books))
    books.close()
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(BooksError, match=r"are damaged.*\.recover"), contextlib.closing(Books(path, budgets={})) as opened:
        count(opened)


def test_a_folder_in_place_of_the_books_is_said(tmp_path: Path) -> None:
    """The commonest mistake in a path."""
    with pytest.raises(BooksError, match="cannot be opened"):
        Books(str(tmp_path), budgets={})


def test_books_of_a_newer_version_are_not_touched(path: str) -> None:
    """An old notebook beside a new one must not write what the new one misreads."""
    connection = connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(BooksError, match="newer than this Routebook"):
        Books(path, budgets={})


def test_books_that_may_not_be_written_are_said() -> None:
    """A course's shared folder is read-only for those who take it."""
    with tempfile.TemporaryDirectory() as name:
        shared = Path(name)
        Books(str(shared / "books.db"), budgets={}).close()
        (shared / "books.db").chmod(0o444)
        shared.chmod(0o555)
        with obeying_permissions():
            with pytest.raises(BooksError, match=r"books\.db cannot be written: the file is read-only\. Change its permissions"):
                Books(str(shared / "books.db"), budgets={})
            with pytest.raises(BooksError, match=r"new\.db cannot be opened\. Check that the folder exists and may be written"):
                Books(str(shared / "new.db"), budgets={})
            with pytest.raises(BooksError, match=r"Permission denied.*Set \[books\] path"):
                Books(str(shared / "new" / "books.db"), budgets={})
        shared.chmod(0o755)


@contextmanager
def obeying_permissions() -> Iterator[None]:
    """Make this thread obey permissions: root's does not, which is how tests run in containers."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None)
    libc.setfsuid(65534)
    try:
        yield
    finally:
        libc.setfsuid(0)


def test_books_are_migrated_once_however_many_open_them_first(tmp_path: Path) -> None:
    """Restart-and-run-all in five notebooks on a fresh machine."""
    failures: list[BaseException] = []

    def first(path: str, barrier: threading.Barrier) -> None:
        barrier.wait()
        try:
            connect(path).close()
        except BooksError as error:
            failures.append(error)

    for number in range(40):
        barrier = threading.Barrier(6)
        threads = [threading.Thread(target=first, args=(str(tmp_path / f"{number}.db"), barrier)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_opening_again_changes_nothing(path: str) -> None:
    """A migration runs once."""
    for _ in range(3):
        connect(path).close()
    connection = connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
