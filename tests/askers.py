"""Kernels of their own, for tests of what kernels share: each asks many prompts at once over one SQLite file, and says how they ended.

    python askers.py SETTINGS_AS_JSON

Settings: `tables` (as in routing.toml), `books` (a path), `asks` (prompts, each with its options). It prints `ready`, waits for a line, asks all at once, and prints one line
of JSON: how often each result came.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from making import config

from routebook.config.read import Loaded
from routebook.engine.router import Router
from routebook.errors import RoutebookError

Ask = tuple[str, Mapping[str, Any]]


class Asker:
    """One process, from the test's side."""

    def __init__(self, books: Path, asks: Sequence[Ask], **tables: Any) -> None:  # noqa: ANN401  tables as in routing.toml
        """Start it; it is ready when it says so."""
        settings = json.dumps({"books": str(books), "asks": asks, "tables": tables})
        self.process = subprocess.Popen([sys.executable, __file__, settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def go(self) -> None:
        """Let it ask."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def line(self) -> str:
        """What it prints next."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def results(self) -> Counter[str]:
        """How often each result came, when all have ended."""
        return Counter(json.loads(self.line()))

    def close(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.communicate()


async def main(told: Mapping[str, Any]) -> None:
    """Ask, all at once."""
    results: Counter[str] = Counter()

    async def one(of: Router, prompt: str, options: Any) -> None:  # noqa: ANN401  as JSON has them
        try:
            await of.ask(prompt, **options)
            results["ok"] += 1
        except RoutebookError as error:
            results[type(error).__name__] += 1

    async with Router(Loaded(config=config(**told["tables"]), file=None, books=told["books"])) as of:
        print("ready", flush=True)  # noqa: T201
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.gather(*(one(of, *ask) for ask in told["asks"]))
    print(json.dumps(results), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
