"""A thousand streamed requests at once: Routebook beside a bare httpx loop on the same server in the same run, and what a request in flight weighs.

    python benchmarks/throughput.py [--requests 1000] [--rounds 5] [--connections 50]

Prints requests a second of both, taken in turn, and the median of their ratio. httpx's pool looks at all its connections and all that wait at each
start and end of a call, so a thousand at once take it minutes; the loop beside us therefore asks no more at once than it does best with, and
`--connections 1000` shows the other. Then kilobytes of memory for each request in flight, in a
process of its own: resident size with so many streams open, less that before, over their number.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from overhead import Ask, bare, prompt, routed

TOKENS = 20
_HELD_S = 3.0
SCRIPTS = {
    "quick": {"tokens": TOKENS},
    "held": {"tokens": TOKENS, "faults": [{"kind": "stall", "after_tokens": TOKENS // 2, "delay_s": _HELD_S}]},
}


@contextmanager
def server(script: str) -> Iterator[str]:
    """A scripted server in a process of its own; its address for the OpenAI format."""
    command = [sys.executable, "-m", "routebook.backends.chaos", json.dumps(SCRIPTS[script])]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert running.stdout is not None
        yield json.loads(running.stdout.readline())["openai"]
    finally:
        running.terminate()


async def at_once(ask: Ask, requests: int, *, first: int) -> float:
    """Requests a second."""
    begun = time.perf_counter()
    sizes = await asyncio.gather(*(ask(prompt(first + number)) for number in range(requests)))
    assert all(sizes), "an empty answer"
    return requests / (time.perf_counter() - begun)


async def compare(url: str, *, requests: int, rounds: int, connections: int) -> float:
    """Print both and return the median of the ratio."""
    async with bare(url, stream=True, at_once=connections) as plain, routed(url, stream=True) as ours:
        places = asyncio.Semaphore(connections)

        async def few(text: str) -> int:
            async with places:
                return await plain(text)

        for ask in (few, ours):
            await at_once(ask, 100, first=0)
        pairs = [
            (await at_once(few, requests, first=0), await at_once(ours, requests, first=1000 * (number + 1))) for number in range(rounds)
        ]
    ratios = sorted(b / a for a, b in pairs)
    plain_s, ours_s = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"{requests:,} streamed at once, {TOKENS} chunks each: bare httpx over {connections} connections {plain_s:.0f}/s   routebook {ours_s:.0f}/s   "
        f"ratio {statistics.median(ratios):.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )
    return statistics.median(ratios)


def resident_kb() -> float:
    """Resident size of this process (Linux)."""
    with open("/proc/self/statm") as file:  # noqa: PTH123  the shortest way
        return int(file.read().split()[1]) * resource.getpagesize() / 1e3


async def weigh(url: str, *, requests: int) -> float:
    """Kilobytes for each request in flight."""
    async with routed(url, stream=True) as ours:
        await asyncio.gather(*(ours(prompt(number)) for number in range(10)), return_exceptions=True)
        before = resident_kb()
        asking = [asyncio.ensure_future(ours(prompt(100 + number))) for number in range(requests)]
        most = before
        while not all(one.done() for one in asking):
            await asyncio.sleep(0.05)
            most = max(most, resident_kb())
        await asyncio.gather(*asking, return_exceptions=True)
        return (most - before) / requests


def main() -> None:
    """Compare, then weigh in a fresh process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=50, help="of the bare loop")
    parser.add_argument("--weigh", metavar="URL", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.weigh:
        print(asyncio.run(weigh(given.weigh, requests=given.requests)))
        return
    with server("quick") as url:
        asyncio.run(compare(url, requests=given.requests, rounds=given.rounds, connections=given.connections))
    with server("held") as url:
        command = [sys.executable, __file__, "--weigh", url, "--requests", str(given.requests)]
        kb = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f"memory: {kb:.0f} KB for each of {given.requests:,} requests in flight")


if __name__ == "__main__":
    main()
