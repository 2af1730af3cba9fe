"""llama.cpp servers that Routebook starts, shares between kernels, and stops: real processes; one test with a real model."""

from __future__ import annotations

import asyncio
from pathlib import Path

import llama_server
import pytest
from calls import collect
from llama_backends import asked, closing, is_alive, listens, opened, record
from ports import free_port
from served import wait_until
from weights_here import real_weights

from routebook.backends.registry import open_backend
from routebook.backends.residents import Residents
from routebook.config.values import Provider
from routebook.engine.router import Router
from routebook.errors import ProviderError, PullFailed, Unavailable
from routebook.testing import ScriptedServer


def test_5_01_a_real_server_starts_with_the_first_prompt_answers_is_used_again_and_ends_with_its_router(tmp_path: Path) -> None:
    """The whole life of a server, with a real model and the runner that comes with Routebook."""
    port = free_port()
    (tmp_path / "routing.toml").write_text(
        f"""
[books]
path = ":memory:"
[providers.llama]
kind = "llamacpp"
[models.small]
provider = "llama"
id = "smollm2-135m"
gguf = "{real_weights()}"
port = {port}
context = 512
params = {{ max_tokens = 8 }}
[[routes]]
name = "chat"
try = ["small"]
""",
        encoding="utf-8",
    )

    async def run() -> int:
        async with Router.load(tmp_path / "routing.toml") as router:
            assert router.config.tier("small") == "local"
            [first] = (await router.ask("What is 2 + 2?", local=True)).attempts
            assert (first.status, first.tier) == ("ok", "local")
            assert 0 < (first.output_tokens or 0) <= 8
            pid = int(record()["pid"])
            assert (await router.ask("What is 3 + 3?", local=True)).text.strip()
            assert int(record()["pid"]) == pid
            [listed] = await router._engine.run(router.runtime().backend("llama").list_models())
            assert listed.is_loaded
            assert listed.size_bytes == real_weights().stat().st_size
        return pid

    pid = asyncio.run(run())
    wait_until(lambda: not is_alive(pid))
    wait_until(lambda: not listens(port))


def test_the_time_to_load_is_told_once(tmp_path: Path) -> None:
    """Who asks what took so long must see that it was the load, and not count it twice."""

    async def run() -> None:
        backend = opened(tmp_path, free_port(), "--load-s", "0.5", max_concurrent=2, context=1024, tools=True)
        async with closing(backend):
            both = await asyncio.gather(collect(backend, asked()), collect(backend, asked()))
            assert all(got.text.startswith("0 1 2") for got in both)
            assert all(got.finish.timings["load_s"] >= 0.5 for got in both)
            assert "load_s" not in (await collect(backend, asked())).finish.timings

    asyncio.run(run())


def test_a_server_that_answers_already_is_used_as_it_is_and_never_stopped(tmp_path: Path) -> None:
    """It may be the user's own, with arguments of its own; then not even the file need be here."""
    with ScriptedServer(reply="from the one that was there") as server:
        port = int(server.url.rpartition(":")[2].partition("/")[0])

        async def run() -> None:
            backend = opened(tmp_path, port, gguf=tmp_path / "nowhere.gguf")
            async with closing(backend):
                assert (await collect(backend, asked())).text == "from the one that was there"
                assert await backend.residents(local=True) == []
                await backend.unload("tiny", local=True)
                assert (await collect(backend, asked())).text == "from the one that was there"

        asyncio.run(run())
        assert listens(port)
        assert not list((Path.home() / ".cache" / "routebook").rglob("*.json"))


def test_when_a_server_that_was_there_goes_the_next_call_starts_one(tmp_path: Path) -> None:
    """The user closed its terminal."""

    async def run() -> None:
        with ScriptedServer(reply="theirs") as server:
            port = int(server.url.rpartition(":")[2].partition("/")[0])
            backend = opened(tmp_path, port)
            assert (await collect(backend, asked())).text == "theirs"
        async with closing(backend):
            with pytest.raises(Unavailable):
                await collect(backend, asked())
            assert (await collect(backend, asked())).text.startswith("0 1 2")

    asyncio.run(run())


def test_two_kernels_share_a_server_and_it_ends_with_the_last(tmp_path: Path) -> None:
    """Two notebooks must not load eighteen gigabytes twice, nor take a model away from each other."""
    port = free_port()

    async def run() -> int:
        one, other = opened(tmp_path, port), opened(tmp_path, port)
        async with closing(one, other):
            await asyncio.gather(collect(one, asked()), collect(other, asked()))
            pid = int(record()["pid"])
            assert [resident.id for resident in await other.residents(local=True)] == ["tiny"]
            await one.aclose()
            await asyncio.sleep(2.6)  # longer than a keeper waits for somebody to come back
            assert is_alive(pid)
            assert (await collect(other, asked())).text
        return pid

    pid = asyncio.run(run())
    wait_until(lambda: not is_alive(pid))


def test_a_server_that_is_just_being_ended_is_not_taken_for_somebody_else_s(tmp_path: Path) -> None:
    """It still answers while it ends; who comes then starts the next one."""
    port = free_port()

    async def run() -> None:
        one, other = opened(tmp_path, port, "--linger-s", "2"), opened(tmp_path, port)
        async with closing(other):
            await collect(one, asked())
            pid = record()["pid"]
            await one.aclose()
            await asyncio.sleep(2.6)  # longer than a keeper waits for somebody to come back
            assert (await collect(other, asked())).text
            assert record()["pid"] != pid

    asyncio.run(run())


def test_who_stops_waiting_for_a_load_does_not_stop_it(tmp_path: Path) -> None:
    """The stop button, or a time that ran out: another cell waits for the same model, and the next prompt finds it loaded."""

    async def run() -> None:
        backend = opened(tmp_path, free_port(), "--load-s", "1")
        async with closing(backend):
            impatient, patient = (asyncio.create_task(collect(backend, asked())) for _ in range(2))
            await asyncio.sleep(0.7)
            impatient.cancel()
            with pytest.raises(asyncio.CancelledError):
                await impatient
            assert (await patient).text.startswith("0 1 2")
            assert (await collect(backend, asked())).text.startswith("0 1 2")

    asyncio.run(run())


def test_only_kernels_of_the_same_user_have_the_key(tmp_path: Path) -> None:
    """Loopback is open to everybody on the machine."""

    async def run() -> None:
        port = free_port()
        backend = opened(tmp_path, port)
        async with closing(backend):
            await collect(backend, asked())
            key = record()["key"]
            assert len(key) >= 32
            assert key not in repr(vars(backend._servers["tiny"].link))
            stranger = open_backend("x", Provider(kind="openai", base_url=f"http://127.0.0.1:{port}/v1"), key=None, models={})
            with pytest.raises(ProviderError, match="Invalid API Key"):
                await collect(stranger, asked())
            await stranger.aclose()
            reader, writer = await asyncio.open_connection("127.0.0.1", record()["door"])
            writer.write(b"stop\n")  # without the keeper's word
            assert await reader.read() == b""
            writer.close()
            assert (await collect(backend, asked())).text

    asyncio.run(run())


def test_a_model_is_unloaded_when_it_answers_nobody_and_comes_back_when_asked(tmp_path: Path) -> None:
    """What memory limits need: what is loaded, how large, and away with it."""

    async def run() -> None:
        backend = opened(tmp_path, free_port(), "--token-s", "0.02")
        assert isinstance(backend, Residents)
        async with closing(backend):
            assert await backend.residents(local=True) == []
            assert await backend.sizes(local=True) == {"tiny": 4400}
            answering = asyncio.create_task(collect(backend, asked()))
            while not await backend.residents(local=True):  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.02)
            await backend.stream(asked()).aclose()
            while not await backend._servers["tiny"]._is_busy():  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.02)
            await backend.unload("tiny", local=True)
            assert len((await answering).text.split()) == llama_server.TOKENS
            assert await backend.residents(local=True) == []
            assert (await collect(backend, asked())).finish.timings["load_s"]
            with pytest.raises(PullFailed):
                await anext(backend.pull("tiny", local=True))

    asyncio.run(run())
