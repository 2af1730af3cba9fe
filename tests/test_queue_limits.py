"""How long a queue may last, and how many connections stand behind it."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from served import router, until

from routebook.errors import LimitReached
from routebook.testing import Chaos, ScriptedServer


def test_the_queue_has_a_time_limit_of_its_own() -> None:
    """Ten seconds in a queue may be too long where another model is free, although an answer may take minutes."""
    full = {"max_concurrent": 1, "timeout": {"queue_s": 0.2}}

    async def main(server: ScriptedServer) -> None:
        async with router(server, models={"full": full, "free": {}}) as asked:
            ahead = asyncio.create_task(asked.ask("first"))
            await until(lambda: server.seen.attempts == 1)
            assert (await asked.ask("second")).model == "free"
            with pytest.raises(LimitReached, match=r"No place at full came free within its queue_s of 0\.2 s"):
                await asked.ask("third", model="full", deadline_s=60)
            assert asked.runtime().known.state("full").queued == 0
            ahead.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ahead
            await until(lambda: asked.runtime().limits.inside == 0)

    with ScriptedServer(models={"full": Chaos(latency_s=60), "free": Chaos(tokens=2)}) as server:
        asyncio.run(main(server))


def test_no_model_has_more_connections_than_calls_at_once_and_they_are_used_again() -> None:
    """The pool of connections is bounded by `max_concurrent`, of the model and of the provider; a free tier counts connections too."""
    script = Chaos(tokens=5, tokens_per_s=200)
    with ScriptedServer(models={"a": script, "b": script}) as server:

        async def main() -> None:
            async with router(server, models={"a": {"max_concurrent": 3}, "b": {"max_concurrent": 2}}) as of:
                await asyncio.gather(*(of.ask(f"hello {number}", model="ab"[number % 2]) for number in range(40)))

        asyncio.run(main())
        assert (server.seen.attempts, server.seen.peak_by_model["a"], server.seen.peak_by_model["b"]) == (40, 3, 2)
        assert server.seen.connections <= 5
