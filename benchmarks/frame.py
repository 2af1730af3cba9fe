"""The frame of a million attempts: the first time, and again after a thousand more.

    python benchmarks/frame.py [--rows 1000000] [--loose]

The engine packs attempts as they end; `--loose` is for books whose attempts were never packed, of an older Routebook or of another program.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import tempfile
import time
from pathlib import Path

import pandas as pd
from filled import fill

from routebook.books.books import Books
from routebook.tables.frame import frame


def measure(books: Books, label: str) -> pd.DataFrame:
    """Print what one frame takes."""
    begun, cpu = time.perf_counter(), time.process_time()
    found = frame(books)
    spent = f"{time.perf_counter() - begun:.3f} s ({time.process_time() - cpu:.3f} s of CPU)"
    print(f"{label}: {len(found):,} rows in {spent}, at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB", flush=True)
    return found


def main() -> None:
    """Print both times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--loose", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "books.db"
        fill(path, rows=given.rows, is_packed=not given.loose)
        print(f"{path.stat().st_size / 1e6:.0f} MB of books", flush=True)
        with contextlib.closing(Books(str(path), budgets={})) as books:
            measure(books, "first")
            fill(path, rows=1000, first=given.rows)
            measure(books, "again")


if __name__ == "__main__":
    main()
