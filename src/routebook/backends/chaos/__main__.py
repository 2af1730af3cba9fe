"""Runs a scripted server by itself: `python -m routebook.backends.chaos '{"tokens": 20}'` prints its addresses and ends with its input."""

from __future__ import annotations

import asyncio
import sys

import msgspec

from routebook.backends.chaos.server import ChaosServer
from routebook.config.scripted import Chaos


async def main() -> None:
    """Serve the script given as JSON until the standard input ends."""
    server = ChaosServer(msgspec.json.decode(sys.argv[1] if len(sys.argv) > 1 else "{}", type=Chaos))
    await server.start()
    addresses = {wire: server.url_for(wire) for wire in ("openai", "anthropic", "gemini", "ollama")}
    sys.stdout.write(msgspec.json.encode(addresses).decode() + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await server.aclose()


asyncio.run(main())
