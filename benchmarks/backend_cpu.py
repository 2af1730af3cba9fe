"""CPU of one call through the OpenAI backend, against a bare httpx loop on the same server in the same run.

`python benchmarks/backend_cpu.py [rounds]`: 50 calls at once, 20 chunks each; the server is a process of its own. Prints milliseconds of
this process's CPU per call and their ratio, streamed and whole, and the best of interleaved rounds, because the machine may be busy.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import httpx

from routebook.backends.registry import open_backend
from routebook.config.values import Provider
from routebook.messages import Call, Delta, Message, Params

AT_ONCE, CALLS = 50, 400
PROMPT = "Explain what a monad is to a carpenter."
BODY = {"model": "m", "messages": [{"role": "user", "content": PROMPT}]}


async def bare_stream(client: httpx.AsyncClient) -> None:
    """Read one stream as most programs do."""
    async with client.stream(
        "POST", "/chat/completions", json={**BODY, "stream": True, "stream_options": {"include_usage": True}}
    ) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                chunk = json.loads(line[6:])
                _ = chunk["choices"] and chunk["choices"][0]["delta"].get("content")


async def bare_whole(client: httpx.AsyncClient) -> None:
    """Read one whole answer."""
    response = await client.post("/chat/completions", json=BODY)
    _ = response.json()["choices"][0]["message"]["content"]


async def timed(one: Callable[[], Awaitable[None]]) -> float:
    """Return the CPU milliseconds per call."""
    places = asyncio.Semaphore(AT_ONCE)

    async def limited() -> None:
        async with places:
            await one()

    start = time.process_time()
    await asyncio.gather(*(limited() for _ in range(CALLS)))
    return (time.process_time() - start) * 1000 / CALLS


async def compare(url: str, *, is_stream: bool, rounds: int) -> None:
    """Print one line."""
    backend = open_backend("bench", Provider(kind="openai", base_url=url), key=None, models={})
    call = Call(model_id="m", messages=(Message(role="user", content=PROMPT),), params=Params(), stream=is_stream)

    async def ours() -> None:
        text = [event.text async for event in backend.stream(call) if type(event) is Delta]
        assert text  # noqa: S101 - a benchmark checks itself

    async with httpx.AsyncClient(
        base_url=url, timeout=None, limits=httpx.Limits(max_connections=500, max_keepalive_connections=500)
    ) as client:  # noqa: S113 - as bare as it gets
        bare = bare_stream if is_stream else bare_whole
        figures = []
        for _ in range(rounds):
            figures.append((await timed(lambda: bare(client)), await timed(ours)))
    await backend.aclose()
    best_bare, best_ours = (min(column) for column in zip(*figures, strict=True))
    print(
        f"{'streamed' if is_stream else 'whole':9} bare {best_bare:.2f} ms  backend {best_ours:.2f} ms  ratio {best_ours / best_bare:.2f}"
    )


def main() -> None:
    """Start the server, compare, stop it."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    command = [sys.executable, "-m", "routebook.backends.chaos", '{"tokens": 20}']
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None  # noqa: S101, PT018 - pipes were asked for
        url = json.loads(server.stdout.readline())["openai"]
        for is_stream in (True, False):
            asyncio.run(compare(url, is_stream=is_stream, rounds=rounds))
        server.stdin.close()


if __name__ == "__main__":
    main()
