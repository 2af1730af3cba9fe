"""What users test their own notebooks with."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
from box import disk
from served import until

from routebook import testing
from routebook.backends.chaos.server import ChaosServer


def ask(server: testing.ScriptedServer, text: str = "2 + 2?", **more: object) -> httpx.Response:
    """One request, without any of our own code."""
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
    return httpx.post(f"{server.url}/chat/completions", json=body, headers={"authorization": "Bearer k"})


def test_it_answers_what_it_is_told_and_shows_what_it_was_asked() -> None:
    """Two lines, and a notebook can be tested."""
    with testing.ScriptedServer(wire="openai", reply="Four.") as server:
        assert ask(server).json()["choices"][0]["message"]["content"] == "Four."
        assert server.seen.attempts == 1
        assert server.seen.calls[0].json()["messages"][0]["content"] == "2 + 2?"


def test_it_misbehaves_as_told() -> None:
    """A user's fallbacks want testing, too."""
    faults = [testing.Fault(kind="rate_limit", retry_after_s=1.5, first=1)]
    with testing.ScriptedServer(faults=faults, script=testing.Chaos(seed=2, reply="Four.")) as server:
        first = ask(server)
        assert (first.status_code, first.headers["retry-after"]) == (429, "1.5")
        assert ask(server, "another").status_code == 200


def server_threads() -> set[threading.Thread]:
    """Those of scripted servers."""
    return {thread for thread in threading.enumerate() if thread.name == "routebook-scripted-server"}


def test_it_leaves_no_thread_and_no_port_behind() -> None:
    """Tests start hundreds of them."""
    before = server_threads()
    with testing.ScriptedServer() as server:
        url = server.url
        assert ask(server).status_code == 200
        assert len(server_threads() - before) == 1
    assert not server_threads() - before
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_models_keys_and_limits_can_be_given() -> None:
    """As a provider has them."""
    with testing.ScriptedServer(models={"a": testing.Chaos(reply="A")}, key="k", rpm=1) as server:
        assert httpx.get(f"{server.url}/models").status_code == 401
        listed = httpx.get(f"{server.url}/models", headers={"authorization": "Bearer k"}).json()
        assert [one["id"] for one in listed["data"]] == ["a"]
        assert ask(server, model="a").json()["choices"][0]["message"]["content"] == "A"
        assert ask(server).status_code == 429
        assert server.seen.over_limit == 1
    assert server.url_for("anthropic").endswith(server.url.rpartition(":")[2].removesuffix("/v1"))


def test_the_scripted_ollama_is_what_it_says() -> None:
    """The server that tests of a machine's memory believe: loads, keeps, expires, unloads at the end of a call."""

    async def main() -> None:
        memory = testing.Memory(disk("a", "b", load_s=0.01), keep_alive_s=0.2)
        server = ChaosServer(testing.Chaos(wire="ollama"), memory=memory)
        await server.start()
        async with memory.running("a:1", keep_alive=None):
            assert memory.loaded == ["a:1"]
            async with memory.running("b:1", keep_alive=0):
                assert memory.loaded == ["a:1", "b:1"]
            assert memory.loaded == ["a:1"]
        await until(lambda: memory.loaded == [], within_s=5)
        assert memory.peak_loaded == 2
        await server.aclose()

    asyncio.run(main())
