"""A kernel of its own, for tests of what kernels share: asks many prompts at once over one SQLite file, and says how they ended.

    python quota_kernel.py SETTINGS_AS_JSON

Settings: `url`, `books`, `model` and `provider` (tables), `try` (of the models `m` and `n`), `prompts`, `deadline_s`, `name`, `stream`, `priority`. It prints `ready`, waits for a line, asks, and
prints one line of JSON: how often each result came.
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
        providers={"p": {"kind": "openai", "base_url": told["url"], "tier": "free", **told.get("provider", {})}},
        models={name: {"provider": "p", "id": name, **told.get("model", {})} for name in ("m", "n")},
        routes=[{"name": "chat", "try": told.get("try", ["m"])}],
    )
    return Router(Loaded(config=tables, file=None, books=told["books"]))


async def main(told: dict[str, Any]) -> None:
    """Ask, all at once."""
    results: Counter[str] = Counter()

    async def one(of: Router, number: int) -> None:
        try:
            await of.ask(
                f"{told['name']} {number}", deadline_s=told["deadline_s"], stream=told.get("stream", True), priority=told.get("priority")
            )
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
