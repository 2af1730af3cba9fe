"""`max_concurrent` of a route: so many of its prompts at once, by priority, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from served import router, until

from routebook.engine.router import Router
from routebook.errors import DeadlineExceeded
from routebook.testing import Chaos, Fault, ScriptedServer

SLOW = Chaos(reply="done", latency_s=0.5, faults=(Fault(kind="slow_first_token", first=1, delay_s=2.0),))


def narrow(server: ScriptedServer, **more: Any) -> Router:  # noqa: ANN401  tables as in routing.toml
    """A route that takes one at a time, of a model that takes any number; and a wide one."""
    routes = [{"name": "narrow", "tasks": ["research"], "max_concurrent": 1, "try": ["a", "b"]}, {"name": "chat", "try": ["a"]}]
    return router(server, models=("a", "b"), routes=routes, **more)


def test_a_route_takes_so_many_at_once_and_the_most_urgent_is_next() -> None:
    """Other routes to the same models are not held up."""

    async def play(server: ScriptedServer) -> list[str]:
        async with narrow(server) as of:
            first = asyncio.create_task(of.ask("first", route="narrow"))
            await until(lambda: server.seen.concurrent, within_s=20)
            late = asyncio.create_task(of.ask("late", route="narrow", priority="P3"))
            await until(lambda: of.runtime().lanes.waiting("narrow") == 1, within_s=20)
            urgent = asyncio.create_task(of.ask("urgent", route="narrow", priority="P0"))
            await asyncio.gather(first, late, urgent)
            assert server.seen.peak_concurrent == 1
            await asyncio.gather(*(of.ask(f"wide {number}") for number in range(3)))
            assert server.seen.peak_concurrent == 3
        return [call.json()["messages"][-1]["content"] for call in server.seen.calls][:3]

    with ScriptedServer(script=SLOW) as server:
        assert asyncio.run(play(server)) == ["first", "urgent", "late"]


def test_who_waits_in_vain_is_told_and_who_is_stopped_makes_room() -> None:
    """A place that is never given back would close the route."""

    async def play(server: ScriptedServer) -> None:
        async with narrow(server) as of:
            first = asyncio.create_task(of.ask("first", route="narrow", deadline_s=30))
            await until(lambda: server.seen.concurrent, within_s=20)
            with pytest.raises(DeadlineExceeded, match=r"route 'narrow' takes 1 at a time.*Raise its max_concurrent"):
                await of.ask("second", route="narrow", deadline_s=0.5)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            third = asyncio.create_task(of.ask("third", route="narrow", deadline_s=30))
            await until(lambda: server.seen.attempts == 2, within_s=20)
            third.cancel()

    with ScriptedServer(script=Chaos(reply="done", latency_s=20.0)) as server:
        asyncio.run(play(server))
