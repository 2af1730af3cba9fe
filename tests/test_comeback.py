"""Providers that were not there when the router opened come back by themselves, and cost next to nothing until then."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from rawserver import listening
from served import loaded, outcome, until
from test_discover import closed_port, discovering

from routebook.engine.health.comeback import PATIENCE_S
from routebook.engine.router import Router
from routebook.errors import NoCandidate, UsageError
from routebook.messages import Answer
from routebook.testing import Chaos, ScriptedServer


@asynccontextmanager
async def reachable_at(port: int, server: ScriptedServer) -> AsyncIterator[None]:
    """Let a server be reached at a port that was closed until now."""
    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", urlsplit(server.url).port)
        writers.extend((writer, back))
        await asyncio.gather(pump(reader, back), pump(there, writer))

    listener = await asyncio.start_server(connected, "127.0.0.1", port)
    try:
        yield
    finally:
        listener.close()
        for writer in writers:
            writer.close()
        for writer in writers:
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await asyncio.sleep(0.05)  # the pumps see the end


def later(of: Router, seconds: float) -> None:
    """Let time pass for what is known of the models."""
    known = of.runtime().known
    before = known.clock
    known.clock = lambda: before() + seconds


def ollama() -> ScriptedServer:
    """An Ollama with one model."""
    return ScriptedServer(wire="ollama", models={"qwen:7b": Chaos(reply="hello")})


def test_an_ollama_that_is_started_later_is_used_by_a_later_prompt() -> None:
    """The user starts it because the first cell said that it is not there; nothing has to be reloaded."""
    port = closed_port()
    with ollama() as server:

        async def main() -> None:
            async with discovering(f"http://127.0.0.1:{port}") as of:
                assert isinstance(await outcome(of), NoCandidate)
                async with reachable_at(port, server):
                    later(of, 3)
                    answer = await of.ask("hello")
                    assert (answer.text, answer.model) == ("hello", "mac/qwen:7b")
                    assert of.runtime().known.unusable == {}
                    await of.__aexit__(None, None, None)

        asyncio.run(main())


def test_a_model_may_be_named_that_was_not_known_when_the_router_opened() -> None:
    """`-m mac/qwen:7b` is right as soon as the provider is there."""
    port = closed_port()
    with ollama() as server:

        async def main() -> None:
            async with discovering(f"http://127.0.0.1:{port}") as of:
                assert isinstance(await outcome(of, model="mac/qwen:7b"), UsageError)
                async with reachable_at(port, server):
                    later(of, 3)
                    assert (await of.ask("hello", model="mac/qwen:7b")).text == "hello"
                    await of.__aexit__(None, None, None)

        asyncio.run(main())


def test_a_model_that_is_pulled_later_is_used_by_a_later_prompt() -> None:
    """`ollama pull` is what the plan told the user to type."""
    port = closed_port()
    own: dict[str, Any] = {"models": {"big": {"provider": "mac", "id": "qwen:32b"}}, "routes": [{"name": "chat", "try": ["big"]}]}
    with ollama() as without, ScriptedServer(wire="ollama", models={"qwen:32b": Chaos(reply="pulled")}) as server:

        async def main() -> None:
            async with reachable_at(port, without):
                of = discovering(f"http://127.0.0.1:{port}", **own)
                error = await outcome(of)
                assert isinstance(error, NoCandidate)
                assert "ollama pull qwen:32b" in str(error)
                await of.runtime().backends["mac"].aclose()
            async with of:
                of.runtime().backends.clear()
                async with reachable_at(port, server):
                    later(of, 3)
                    assert (await of.ask("hello")).text == "pulled"
                    await of.__aexit__(None, None, None)

        asyncio.run(main())


def test_what_stays_away_is_looked_for_by_and_by_more_seldom_and_holds_nobody_up() -> None:
    """A host that swallows packets must not cost each prompt its patience."""
    looked: list[float] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001  as asyncio calls it
        looked.append(time.monotonic())
        await asyncio.sleep(60)

    async def main() -> None:
        with ScriptedServer() as server:
            async with listening(silent) as port:
                tables: dict[str, Any] = {
                    "providers": {
                        "mac": {"kind": "ollama", "base_url": f"http://127.0.0.1:{port}", "discover": True},
                        "p": {"kind": "openai", "base_url": server.url_for("openai"), "tier": "free"},
                    },
                    "models": {"a": {"provider": "p", "id": "a"}},
                    "routes": [{"name": "chat", "try": ["mac", "a"]}],
                }
                async with Router(loaded(**tables)) as of:
                    comeback = of.runtime().comeback
                    took = []
                    for _ in range(8):
                        later(of, 10)
                        begun = time.monotonic()
                        assert isinstance(await outcome(of), Answer)
                        took.append(time.monotonic() - begun)
                        await until(lambda: comeback._looking is None, within_s=10)
                    assert min(took) < PATIENCE_S + 0.8, "as long as the look itself takes"
                    assert 4 <= len(looked) <= 12  # two connections a look: at the start, then after 10, 20, 30 and 50 of 80 seconds
                    assert max(absence.delay_s for absence in comeback._absences.values()) > 20

    asyncio.run(main())


def test_a_missing_key_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes with a reload; knocking without it would be of no use."""
    monkeypatch.delenv("P_KEY", raising=False)
    with ScriptedServer() as server:
        entry = {"kind": "openai", "base_url": server.url_for("openai"), "tier": "free", "discover": True, "api_key_env": "P_KEY"}

        async def main() -> None:
            async with Router(loaded(providers={"p": entry}, models={}, routes=[{"name": "chat", "try": ["p"]}])) as of:
                for _ in range(3):
                    later(of, 100)
                    assert isinstance(await outcome(of), NoCandidate)

        asyncio.run(main())
        assert server.seen.connections == 0
