"""The wall: what is local stays on the machine, checked at the sockets."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import get_args, get_type_hints

import pytest
from served import TwoServers, closing_stack, faulty, loaded, outcome, rows

from routebook.engine.router import Router
from routebook.errors import LocalOnlyViolation, NoCandidate, RoutebookError
from routebook.messages import Answer
from routebook.testing import Chaos, Fault

stack = pytest.fixture(closing_stack)


def test_nothing_leaves_the_machine_behind_the_wall_whatever_fails(stack: ExitStack) -> None:
    """Counted at the other server's socket: not a fallback, not a refusal's other model, not a retry, under any fault."""
    kinds = get_args(get_type_hints(Fault)["kind"])
    assert "refusal" in kinds

    async def main() -> None:
        for chunk in (kinds[::2], kinds[1::2]):
            servers = {kind: TwoServers(stack, local=faulty(kind)) for kind in chunk}
            route = {"name": "chat", "try": ["near", "dear"], "on_refusal": {"try": ["dear"]}, "local": True}
            routers = {kind: two.router(routes=[route]) for kind, two in servers.items()}
            results = await asyncio.gather(*(outcome(of, deadline_s=2) for of in routers.values()))
            for kind, result, (two, of) in zip(chunk, results, zip(servers.values(), routers.values(), strict=True), strict=True):
                assert two.local.seen.attempts >= 1, kind
                assert two.paid.seen.connections == 0, kind
                assert isinstance(result, RoutebookError) or result.is_refusal, kind
                of.close()

    asyncio.run(main())


def test_a_private_route_with_nothing_local_sends_nothing(stack: ExitStack) -> None:
    """Better no answer than a leak."""
    two = TwoServers(stack, local=Chaos())

    async def main() -> RoutebookError | Answer:
        async with two.router(routes=[{"name": "chat", "try": ["dear"], "private": True}]) as of:
            return await outcome(of)

    assert isinstance(asyncio.run(main()), NoCandidate)
    assert two.paid.seen.connections == 0


def test_the_socket_decides_whatever_the_file_calls_local() -> None:
    """`tier = "local"` on an address elsewhere is a mistake in the file; no plan can see it."""
    providers = {"far": {"kind": "openai", "base_url": "http://192.0.2.1:9/v1", "tier": "local"}}
    models = {"a": {"provider": "far", "id": "a"}, "b": {"provider": "far", "id": "b"}}

    async def main() -> None:
        async with Router(loaded(providers=providers, models=models, routes=[{"name": "chat", "try": ["a", "b"]}])) as of:
            with pytest.raises(
                LocalOnlyViolation, match=r"must not leave the machine, and '192\.0\.2\.1' is not this machine; nothing was sent"
            ):
                await of.ask("hello", local=True)
            (row,) = rows(of)
            assert (row.status, row.error_type) == ("error", "LocalOnlyViolation")
            assert row.cost_usd == 0

    asyncio.run(main())
