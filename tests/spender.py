"""A kernel of its own that asks many prompts at once: `python spender.py CONFIG CELLS [KEYWORD=VALUE…]`.

It prints `ready`, waits for a line, and then prints for each prompt what became of it, as JSON lines: its request, its cost, or its error.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from routebook.engine.router import Router
from routebook.errors import RoutebookError


def spawn(config: Path, *, cells: int) -> subprocess.Popen[str]:
    """Start such a kernel."""
    command = [sys.executable, __file__, str(config), str(cells)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def begin(kernels: list[subprocess.Popen[str]]) -> None:
    """Let all of them go at once, when all are ready."""
    for kernel in kernels:
        assert kernel.stdout is not None
        assert kernel.stdout.readline() == "ready\n"
    for kernel in kernels:
        assert kernel.stdin is not None
        kernel.stdin.write("go\n")
        kernel.stdin.flush()


def say(line: str) -> None:
    """Tell the process that started this one."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def ask(router: Router, number: int) -> dict[str, Any]:
    """One cell."""
    try:
        answer = await router.ask(f"Tell me a story about the number {number}, and what it is like to be so.")
    except RoutebookError as error:
        return {"error": type(error).__name__, "said": str(error)}
    return {"request": answer.request_id, "cost_usd": str(answer.cost_usd)}


async def main(config: str, cells: int) -> None:
    """All cells at once."""
    async with Router.load(config) as router:
        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        for done in asyncio.as_completed([ask(router, number) for number in range(cells)]):
            say(json.dumps(await done))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
