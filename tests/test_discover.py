"""Providers that tell which models they have."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
from rawserver import listening, raw, response
from served import loaded

from routebook.engine.health.discover import PATIENCE_S
from routebook.engine.router import Router
from routebook.errors import NoCandidate
from routebook.messages import Plan
from routebook.testing import Chaos, ScriptedServer


@pytest.fixture
def ollama() -> Iterator[ScriptedServer]:
    """An Ollama with two models."""
    with ScriptedServer(wire="ollama", reply="hello", models={"qwen:7b": Chaos(), "llama3:latest": Chaos()}) as server:
        yield server


def discovering(url: str, kind: str = "ollama", **tables: Any) -> Router:  # noqa: ANN401
    """A router over one provider that is asked for its models."""
    given: dict[str, Any] = {
        "providers": {"mac": {"kind": kind, "base_url": url, "discover": True, "tier": "local"}},
        "models": {},
        "routes": [{"name": "chat", "try": ["mac"]}],
    }
    return Router(loaded(**(given | tables)))


def reasons(plan: Plan) -> dict[str, str]:
    """Why each was left out."""
    return {out.model: out.reason for out in plan.left_out}


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@asynccontextmanager
async def silent() -> Any:  # noqa: ANN401
    """A server that takes connections and says nothing; yields its port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001  as asyncio calls it
        await asyncio.sleep(60)

    async with listening(handle) as port:
        yield port


def test_what_ollama_has_joins_the_config_and_can_be_asked(ollama: ScriptedServer) -> None:
    """`ollama pull` is all the configuration a local model needs."""
    with closing(discovering(ollama.url)) as of:
        assert {candidate.model for candidate in of.plan("hello").candidates} == {"mac/qwen:7b", "mac/llama3:latest"}
        assert of.ask_sync("hello", model="mac/qwen:7b").attempt.model == "mac/qwen:7b"
        assert ollama.seen.calls[-1].model == "qwen:7b"
        assert of.config.models == {}  # the file says what it said


def test_planning_asks_for_models_and_for_nothing_else(ollama: ScriptedServer) -> None:
    """Once, when the router is first used."""
    with closing(discovering(ollama.url)) as of:
        for _ in range(3):
            of.plan("hello")
        assert ollama.seen.attempts == 0
        asked = ollama.seen.lists
        of.plan("hello")
        assert ollama.seen.lists == asked


def test_a_model_of_the_file_is_not_there_twice(ollama: ScriptedServer) -> None:
    """Its entry has the limits and the price; a second one would have none."""
    models = {"own": {"provider": "mac", "id": "qwen:7b", "max_concurrent": 1}, "short": {"provider": "mac", "id": "llama3"}}
    with closing(discovering(ollama.url, models=models)) as of:
        assert set(of.runtime().config.models) == {"own", "short"}


def test_a_model_that_is_not_pulled_is_left_out_with_what_to_type(ollama: ScriptedServer) -> None:
    """A 404 in the middle of a run says less."""
    models = {"big": {"provider": "mac", "id": "big:70b"}}
    routes = [{"name": "chat", "try": ["big", "mac/qwen:7b"]}]
    with closing(discovering(ollama.url, models=models, routes=routes)) as of:
        plan = of.plan("hello")
        assert [candidate.model for candidate in plan.candidates] == ["mac/qwen:7b"]
        assert reasons(plan) == {"big": "it is not pulled yet: ollama pull big:70b"}


def test_a_provider_that_is_not_there_is_left_out_with_its_reason_and_the_others_go_on() -> None:
    """The built-in default asks an Ollama that most machines do not have."""
    with ScriptedServer(reply="from the other") as other:
        providers = {
            "mac": {"kind": "ollama", "base_url": f"http://127.0.0.1:{closed_port()}", "discover": True},
            "p": {"kind": "openai", "base_url": other.url, "tier": "free"},
        }
        models = {"b": {"provider": "p", "id": "b"}}
        routes = [{"name": "chat", "try": ["mac/x", "b"]}]
        begun = time.monotonic()
        with closing(discovering("", providers=providers, models=models, routes=routes)) as of:
            assert of.ask_sync("hello").model == "b"
            assert time.monotonic() - begun < PATIENCE_S + 10
            assert "127.0.0.1" in reasons(of.plan("hello"))["mac/x"]


def test_with_nothing_found_the_error_says_why() -> None:
    """`(the route names no model)` would send the user to the wrong place."""
    url = f"http://127.0.0.1:{closed_port()}"
    with closing(discovering(url)) as of, pytest.raises(NoCandidate, match=url.removeprefix("http://")):
        of.ask_sync("hello")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(b"<html>Sign in</html>", content_type="text/html"), "not JSON"),
        (response(b'{"data": []}'), "mac has no models yet"),
        (response(b'{"error": {"message": "no such key"}}', status=401), "no such key"),
        (response(b"{}", status=500), "500"),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 99\r\n\r\n{", "the connection broke"),
    ],
    ids=["a page", "empty", "wrong key", "failing", "cut"],
)
def test_a_provider_whose_list_is_no_list_is_left_out_with_its_reason(answer: bytes, said: str) -> None:
    """Whatever answers there, the router opens."""

    async def main() -> str:
        async with raw(answer) as server, discovering(f"{server.url}/v1", "openai") as of:
            return of.runtime().known.unusable["mac"]

    assert said in asyncio.run(asyncio.wait_for(main(), 20))


def test_a_provider_that_does_not_answer_is_given_up_soon_and_asked_beside_the_others(ollama: ScriptedServer) -> None:
    """A machine that sleeps at the other end of the network must not hold the first cell for a minute; two not for two."""

    async def main() -> None:
        async with silent() as port:
            slow = {"kind": "ollama", "base_url": f"http://127.0.0.1:{port}", "discover": True}
            providers = {"slow": slow, "slower": slow, "mac": {"kind": "ollama", "base_url": ollama.url, "discover": True}}
            begun = time.monotonic()
            async with discovering("", providers=providers, routes=[{"name": "chat", "try": ["slow", "slower", "mac"]}]) as of:
                assert PATIENCE_S <= time.monotonic() - begun < PATIENCE_S + 10
                unusable = of.runtime().known.unusable
                assert unusable == {name: f"{name} did not answer within 1.5 s" for name in ("slow", "slower")}
                assert len(of.runtime().config.models) == 2

    asyncio.run(main())


def test_a_provider_without_its_key_is_not_asked() -> None:
    """It would only say no."""
    with ScriptedServer(models={"m": Chaos()}) as server:
        keyed = {"kind": "openai", "base_url": server.url, "api_key_env": "NO_SUCH_KEY", "discover": True}
        with closing(discovering("", providers={"keyed": keyed}, routes=[{"name": "chat", "try": ["keyed"]}])) as of:
            assert "NO_SUCH_KEY is not set" in of.runtime().known.unusable["keyed"]
        assert server.seen.connections == 0


def test_servers_that_speak_chat_completions_are_asked_too() -> None:
    """llama.cpp, vLLM and LM Studio list what they serve."""
    with ScriptedServer(models={"m1": Chaos(), "m2": Chaos()}) as server, closing(discovering(server.url, "openai")) as of:
        assert [candidate.model for candidate in of.plan("hello").candidates] == ["mac/m1", "mac/m2"]
        assert of.ask_sync("hello").model == "mac/m1"
