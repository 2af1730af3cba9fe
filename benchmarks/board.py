"""The board over a million attempts: its first view, each update, with and without a filter, and the bytes that go to the page.

python benchmarks/board.py [--attempts 1000000]
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import tempfile
import time
from pathlib import Path

from filled import fill

from routebook.books.recent import offered
from routebook.engine.router import Router
from routebook.notebook.panels.board import Board

YEARS = dt.timedelta(days=3650)


def main() -> None:
    """Print milliseconds and kilobytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=1_000_000)
    args = parser.parse_args()
    for attempts in (100, args.attempts):
        with tempfile.TemporaryDirectory() as folder:
            books = Path(folder) / "books.db"
            fill(books, rows=attempts)
            router = Router(books=books)
            router.plan("warm up")
            times_ms, filtered_ms, page = [], [], {}
            for number in range(12):
                began = time.perf_counter()
                page = Board(router, since=YEARS).page(is_live=True)
                times_ms.append((time.perf_counter() - began) * 1e3)
                began = time.perf_counter()
                board = Board(router, since=YEARS, agent="agent-4", notebook="notebook-7.ipynb")
                board.page(is_live=True)
                router.runtime().books.read(offered)
                filtered_ms.append((time.perf_counter() - began) * 1e3)
                if number < 11:
                    fill(books, rows=5, first=attempts + 5 * number)
            size_kb = sum(len(text.encode()) for text in page.values()) / 1e3
            again = statistics.median(times_ms[1:])
            print(
                f"{attempts:9,} attempts   first view {times_ms[0]:6.0f} ms   each update {again:5.0f} ms, filtered {statistics.median(filtered_ms):4.0f} ms   {size_kb:4.1f} kB"
            )
            router.close()


if __name__ == "__main__":
    main()
