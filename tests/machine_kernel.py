"""A kernel of its own, for tests of the memory that kernels share: asks prompts at models of one Ollama, and says how they ended.

    python machine_kernel.py SETTINGS_AS_JSON

Settings: `url`, `books`, `models` (names), `prompts` (how many), `limits` (of the provider), `deadline_s`. It prints `ready`, waits for a line, asks all at once, and prints one
line of JSON: how often each result came.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import Any

from making import config

from routebook.config.read import Loaded
from routebook.engine.router import Router
from routebook.errors import RoutebookError


def router_of(told: dict[str, Any]) -> Router:
    """A router as the settings say."""
    tables = config(
        providers={"mac": {"kind": "ollama", "base_url": told["url"], **told["limits"]}},
        models={name: {"provider": "mac", "id": f"{name}:1"} for name in told["models"]},
        routes=[{"name": "chat", "try": told["models"]}],
    )
    return Router(Loaded(config=tables, file=None, books=told["books"]))


async def main(told: dict[str, Any]) -> None:
    """Ask, all at once."""
    results: Counter[str] = Counter()

    async def one(of: Router, number: int) -> None:
        models = told["models"]
        try:
            await of.ask(f"prompt {number}", model=models[number % len(models)], deadline_s=told["deadline_s"])
            results["ok"] += 1
        except RoutebookError as error:
            results[type(error).__name__] += 1

    async with router_of(told) as of:
        print("ready", flush=True)  # noqa: T201
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.gather(*(one(of, number) for number in range(told["prompts"])))
    print(json.dumps(results), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
