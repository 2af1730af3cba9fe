"""CPU time that Routebook adds to a request, against a bare httpx loop on the same server in the same run.

    python benchmarks/overhead.py [--requests 1000] [--rounds 5]

Prints, for streamed (20 chunks) and whole answers, 50 at once: milliseconds of CPU a request for both, and their ratio, medians over
rounds taken in turn. Routebook's figure is its whole pipeline: classify, plan, admit, reserve, call, settle, one row in the books.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from routebook.engine.router import Router

AT_ONCE = 50
CONFIG = """
[books]
path = "books.db"
[providers.sim]
kind = "openai"
base_url = "{url}"
tier = "free"
[models.sim]
provider = "sim"
id = "sim"
[[routes]]
name = "chat"
try = ["sim"]
"""

Ask = Callable[[str], Awaitable[int]]


def prompt(number: int) -> str:
    """A different everyday prompt each time."""
    asks = ("Write a Python function that parses dates", "Explain what a monad is", "Summarize the following report", "Fix this KeyError")
    return f"{asks[number % len(asks)]} (number {number}), in {number % 7 + 2} sentences."


@asynccontextmanager
async def bare(url: str, *, stream: bool, at_once: int = AT_ONCE) -> AsyncIterator[Ask]:
    """The least a program must do: send, read lines, decode each chunk."""
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx.AsyncClient(limits=limits, timeout=600) as client:

        async def ask(text: str) -> int:
            body = {"model": "sim", "messages": [{"role": "user", "content": text}], "stream": stream}
            if not stream:
                reply = await client.post(f"{url}/chat/completions", json=body)
                return len(json.loads(reply.content)["choices"][0]["message"]["content"])
            size = 0
            async with client.stream("POST", f"{url}/chat/completions", json=body) as response:
                async for line in response.aiter_lines():
                    if line.startswith("data: {"):
                        chunk = json.loads(line[6:])
                        size += sum(len(choice["delta"].get("content") or "") for choice in chunk["choices"])
            return size

        yield ask


@asynccontextmanager
async def routed(url: str, *, stream: bool) -> AsyncIterator[Ask]:
    """The same through a router."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "routing.toml"
        file.write_text(CONFIG.format(url=url))
        async with Router.load(file) as router:

            async def ask(text: str) -> int:
                return len((await router.ask(text, stream=stream)).text)

            yield ask


async def cpu_ms(ask: Ask, requests: int) -> float:
    """Milliseconds of CPU a request, all threads of this process together, 50 at once."""
    numbers = iter(range(requests))

    async def worker() -> None:
        for number in numbers:
            if not await ask(prompt(number)):
                raise RuntimeError("an empty answer")

    before = time.process_time()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return (time.process_time() - before) / requests * 1e3


async def compare(url: str, *, stream: bool, requests: int, rounds: int) -> None:
    """Print one line."""
    async with bare(url, stream=stream) as plain, routed(url, stream=stream) as ours:
        for ask in (plain, ours):
            await cpu_ms(ask, 200)
        pairs = [(await cpu_ms(plain, requests), await cpu_ms(ours, requests)) for _ in range(rounds)]
    ratio = statistics.median(b / a for a, b in pairs)
    names = "streamed, 20 chunks" if stream else "whole"
    bare_ms, ours_ms = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"{names:22} bare httpx {bare_ms:.2f} ms   routebook {ours_ms:.2f} ms   ratio {ratio:.2f}  ({min(b / a for a, b in pairs):.2f} to {max(b / a for a, b in pairs):.2f})"
    )


def main() -> None:
    """Start the server in a process of its own and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    server = subprocess.Popen(
        [sys.executable, "-m", "routebook.backends.chaos", '{"tokens": 20}'], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["openai"]
        for stream in (True, False):
            asyncio.run(compare(url, stream=stream, requests=given.requests, rounds=given.rounds))
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
