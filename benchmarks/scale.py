"""What one request costs with a long ledger, with many models, and with many in one pool: CPU time against few, in one run.

    python benchmarks/scale.py [--rows 1000000] [--models 500] [--requests 200] [--rounds 7] [--books FILE]

Prints, for each of them, milliseconds of CPU of one streamed request (20 chunks) for the small and the large case, and their ratio:
medians over rounds taken in turn, so that whatever else the machine does meets both. One request at a time: the engine's loop and the
books' writer wake for each, so nothing is shared by a batch. `--books` is a file that `filled.py` made, which is copied, not touched.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from filled import fill
from overhead import prompt

from routebook.engine.router import Router

FEW_ROWS, FEW_MODELS = 1_000, 5
CONFIG = """
[books]
path = "{books}"
[providers.sim]
kind = "openai"
base_url = "{url}"
tier = "free"
[pools.all]
models = {names}
[budgets]
total = {{ monthly = 1000 }}
{models}
[[routes]]
name = "chat"
try = ["all"]
"""
MODEL = """[models.m{number}]
provider = "sim"
id = "sim-{number}"
price = {{ input = 0.1, output = 0.4 }}
max_concurrent = 50
"""


def config(folder: Path, *, url: str, models: int, pooled: int) -> Path:
    """A `routing.toml` with so many models, some of them in the pool, with prices, limits and a budget: all that a request looks at."""
    file = folder / "routing.toml"
    names = json.dumps([f"m{number}" for number in range(pooled)])
    entries = "".join(MODEL.format(number=number) for number in range(models))
    file.write_text(CONFIG.format(books=folder / "books.db", url=url, names=names, models=entries))
    return file


def router(folder: Path, *, url: str, rows: int, models: int, pooled: int = FEW_MODELS, books: Path | None = None) -> Router:
    """A router over filled books, in a new folder."""
    folder.mkdir()
    if books is not None:
        shutil.copy(books, folder / "books.db")
    else:
        fill(folder / "books.db", rows=rows)
    return Router.load(config(folder, url=url, models=models, pooled=pooled))


async def cpu_ms(own: Router, requests: int) -> float:
    """Milliseconds of CPU a request, all threads of this process together, one after another."""
    before = time.process_time()
    for number in range(requests):
        answer = await own.ask(prompt(number), stream=True)
        if not answer.text:
            raise RuntimeError("an empty answer")
    return (time.process_time() - before) / requests * 1e3


async def compare(label: str, small: Router, large: Router, *, requests: int, rounds: int) -> None:
    """Print one line."""
    async with small, large:
        for own in (small, large):
            await cpu_ms(own, requests)
        pairs = []
        for number in range(rounds):
            if number % 2:  # each is first as often as the other
                last = await cpu_ms(large, requests)
                pairs.append((await cpu_ms(small, requests), last))
            else:
                pairs.append((await cpu_ms(small, requests), await cpu_ms(large, requests)))
    ratios = sorted(b / a for a, b in pairs)
    few, many = (statistics.median(column) for column in zip(*pairs, strict=True))
    spread = f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
    print(f"{label:32} {few:.2f} ms   {many:.2f} ms   ratio {statistics.median(ratios):.2f}  {spread}", flush=True)


async def all_of_them(url: str, folder: Path, given: argparse.Namespace) -> None:
    """Print all lines."""
    large = {
        f"{FEW_ROWS:,} and {given.rows:,} rows": {"rows": given.rows, "models": FEW_MODELS, "books": given.books},
        f"{FEW_MODELS} and {given.models} models": {"rows": FEW_ROWS, "models": given.models},
        f"{FEW_MODELS} and {given.models} models in a pool": {"rows": FEW_ROWS, "models": given.models, "pooled": given.models},
    }
    for number, (label, wanted) in enumerate(large.items()):
        few = router(folder / f"few-{number}", url=url, rows=FEW_ROWS, models=FEW_MODELS)
        many = router(folder / f"many-{number}", url=url, **wanted)
        await compare(label, few, many, requests=given.requests, rounds=given.rounds)


def main() -> None:
    """Start the server in a process of its own and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--books", type=Path)
    given = parser.parse_args()
    server = subprocess.Popen(
        [sys.executable, "-m", "routebook.backends.chaos", '{"tokens": 20}'], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["openai"]
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(all_of_them(url, Path(folder), given))
    finally:
        server.terminate()
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
