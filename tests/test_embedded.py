"""The embedded model: a real one, in a real child process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import msgspec
import pytest
from calls import call, collect
from served import wait_until
from weights_here import real_weights

from routebook.backends import embedded_child
from routebook.backends.embedded import EmbeddedBackend, _params
from routebook.backends.embedded_server import EmbeddedServer
from routebook.backends.registry import open_backend
from routebook.config.values import Model, Provider
from routebook.errors import ContextOverflow, ProviderError, SetupNeeded
from routebook.messages import Delta, Params


def opened(gguf: Path | str | None = None) -> EmbeddedBackend:
    """A backend over one file."""
    models = {"tiny": Model(provider="embedded", id="smollm2-135m", context=1024)}
    backend = open_backend("embedded", Provider(kind="embedded", gguf=str(gguf) if gguf else None), key=None, models=models)
    assert isinstance(backend, EmbeddedBackend)
    return backend


def pid_of(backend: EmbeddedBackend) -> int:
    """The child's process."""
    assert backend._server is not None
    assert backend._server._process is not None
    return backend._server._process.pid


def test_the_real_model_streams_answers_and_holds_to_a_schema() -> None:
    """What a newcomer sees first: a model that answers without a key and without a network."""
    gguf = real_weights()

    async def run() -> None:
        backend = opened(gguf)
        assert [(one.id, one.is_loaded, one.parameters) for one in await backend.list_models()] == [("smollm2-135m", False, "135M")]
        got = await collect(backend, call("What is 2 + 2?", local=True, params=Params(max_tokens=30)))
        assert got.text.strip()
        assert len(got.deltas) > 2
        usage = got.finish.usage
        assert usage.input_tokens and usage.output_tokens and 0 < usage.output_tokens <= 30  # noqa: PT018 - unknown or too many
        assert got.finish.timings["generate_s"] > 0
        schema = {
            "type": "object",
            "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
            "required": ["city", "people"],
        }
        asked = call("A city and its people, as JSON.", stream=False, params=Params(json_schema=schema, max_tokens=60))
        assert set(msgspec.json.decode((await collect(backend, asked)).text)) == {"city", "people"}
        both = await asyncio.gather(*(collect(backend, call(text, params=Params(max_tokens=8))) for text in ("Say one.", "Say two.")))
        assert all(one.finish.reason in ("stop", "length") for one in both)
        with pytest.raises(ContextOverflow, match="1024"):
            await collect(backend, call("word " * 3000))
        assert (await backend.list_models())[0].is_loaded
        await backend.aclose()

    asyncio.run(run())


def test_stopping_an_answer_frees_its_place_at_once() -> None:
    """Two prompts are answered at a time; one that nobody waits for must not hold up the next."""
    gguf = real_weights()

    async def run() -> float:
        backend = opened(gguf)
        await collect(backend, call("Hi", params=Params(max_tokens=2)))
        for _ in range(4):
            events = backend.stream(call("Tell me a very long story.", params=Params(max_tokens=900)))
            assert isinstance(await anext(events), Delta)
            await events.aclose()
        start = asyncio.get_running_loop().time()
        await collect(backend, call("Hi", params=Params(max_tokens=2)))
        took = asyncio.get_running_loop().time() - start
        await backend.aclose()
        return took

    assert asyncio.run(run()) < 10


def test_a_child_that_dies_is_started_again_and_one_that_is_closed_is_gone() -> None:
    """Out of memory must cost one answer, not the notebook; and no process may stay behind."""
    gguf = real_weights()

    async def run() -> None:
        backend = opened(gguf)
        events = backend.stream(call("Tell me a very long story.", params=Params(max_tokens=900)))
        await anext(events)
        first = pid_of(backend)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(ProviderError):
            async for _ in events:
                pass
        await events.aclose()
        await asyncio.sleep(0.1)
        assert (await collect(backend, call("Hi", params=Params(max_tokens=2)))).text
        second = pid_of(backend)
        assert second != first
        os.kill(second, signal.SIGINT)  # as an interrupt reaches the whole group of a terminal
        await asyncio.sleep(0.1)
        assert (await collect(backend, call("Hi", params=Params(max_tokens=2)))).text
        assert pid_of(backend) == second
        await backend.aclose()
        with pytest.raises(ProcessLookupError):
            os.kill(second, 0)

    asyncio.run(run())


def test_the_child_ends_with_its_parent() -> None:
    """A killed kernel must leave nothing running."""
    gguf = real_weights()
    program = (
        "import asyncio, sys, time, pathlib\n"
        "from routebook.backends.embedded_server import EmbeddedServer\n"
        "async def run():\n"
        "    server = EmbeddedServer(pathlib.Path(sys.argv[1]), alias='x', context=256)\n"
        "    await server.start()\n"
        "    print(server._process.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(run())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(gguf)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()

    def is_gone() -> bool:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(is_gone)


def test_only_we_may_ask_the_child() -> None:
    """Other users of the machine can reach loopback, too."""
    gguf = real_weights()

    async def run() -> tuple[str, str]:
        server = EmbeddedServer(gguf, alias="x", context=256)
        await asyncio.gather(server.start(), server.start())
        url, key = server.url, server.key

        def without_key() -> int:
            try:
                urllib.request.urlopen(f"{url}/v1/models").close()  # noqa: S310 - our own address
            except urllib.error.HTTPError as error:
                error.close()
                return error.code
            return 200

        assert await asyncio.to_thread(without_key) == 401
        await server.aclose()
        return url, key

    url, key = asyncio.run(run())
    assert url.startswith("http://127.0.0.1:")
    assert len(key) >= 32
    with socket.socket() as closed:
        assert closed.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0


def test_a_start_that_nobody_waits_for_any_more_goes_on_for_the_others() -> None:
    """One cell's stop button must not stop another cell's model."""
    gguf = real_weights()

    async def run() -> None:
        server = EmbeddedServer(gguf, alias="x", context=256)
        impatient, patient = asyncio.create_task(server.start()), asyncio.create_task(server.start())
        await asyncio.sleep(0.01)
        impatient.cancel()
        await patient
        assert server.is_running
        await server.aclose()
        assert not server.is_running

    asyncio.run(run())


def test_closing_while_it_starts_leaves_nothing() -> None:
    """A kernel that shuts down right after its first cell."""
    gguf = real_weights()

    async def run() -> None:
        server = EmbeddedServer(gguf, alias="x", context=256)
        starting = asyncio.create_task(server.start())
        await asyncio.sleep(0.05)
        await server.aclose()
        await asyncio.gather(starting, return_exceptions=True)
        assert not server.is_running

    asyncio.run(run())


def test_anthropic_s_format_works_against_a_real_server() -> None:
    """llama.cpp's server speaks Messages, too: real inference in the other wire format."""
    gguf = real_weights()

    async def run() -> None:
        server = EmbeddedServer(gguf, alias="tiny", context=1024)
        await server.start()
        backend = open_backend(
            "claude",
            Provider(kind="anthropic", base_url=server.url, headers={"Authorization": f"Bearer {server.key}"}),
            key=server.key,
            models={},
        )
        for stream in (True, False):
            got = await collect(
                backend,
                call("What is 2 + 2?", system="Answer briefly.", stream=stream, local=True, params=Params(max_tokens=12, temperature=0.0)),
            )
            assert got.text.strip()
            assert got.finish.usage.input_tokens and got.finish.usage.output_tokens  # noqa: PT018 - both are known
        with pytest.raises(ContextOverflow):
            await collect(backend, call("word " * 3000))
        assert [one.id for one in await backend.list_models()] == ["tiny"]
        await backend.aclose()
        await server.aclose()

    asyncio.run(run())


def test_a_file_that_is_no_model_says_what_to_do(tmp_path: Path) -> None:
    """An interrupted download, or the wrong file."""
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"x" * 1000)

    async def run() -> None:
        backend = opened(tmp_path / "bad.gguf")
        with pytest.raises(SetupNeeded, match=r"bad\.gguf cannot be loaded as a model"):
            await collect(backend, call())
        await backend.aclose()

    asyncio.run(run())


def test_without_weights_the_first_call_says_what_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And so does the list of models; nothing is started."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    async def run() -> None:
        backend = opened()
        with pytest.raises(SetupNeeded, match="type %route setup"):
            await collect(backend, call())
        with pytest.raises(SetupNeeded, match="type %route setup"):
            await backend.list_models()
        await backend.aclose()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ({"error": "libgomp.so.1: cannot open shared object file", "kind": "ImportError", "missing": ""}, "apt install libgomp1"),
        ({"error": "No module named 'xllamacpp'", "kind": "ModuleNotFoundError", "missing": "xllamacpp"}, "pip install xllamacpp"),
        ({"error": "undefined symbol", "kind": "ImportError", "missing": ""}, "--force-reinstall"),
    ],
)
def test_what_is_missing_is_named_with_what_to_type(said: dict[str, str], hint: str) -> None:
    """The Linux wheel needs a system library that small images lack."""
    from routebook.backends.embedded_server import _address

    with pytest.raises(SetupNeeded, match=hint.replace("-", r"\-")):
        _address(said, gguf="x.gguf", provider="embedded")


def test_a_limit_is_always_sent_and_only_the_usual_model_gets_its_usual_sampling() -> None:
    """Without a limit a small model talks until its window is full; what the user asks for wins."""
    assert _params(Params(), is_default=False) == Params(max_tokens=512)
    assert _params(Params(), is_default=True) == Params(max_tokens=512, temperature=0.2, top_p=0.9, extra={"dry_multiplier": 0.8})
    own = Params(max_tokens=3, temperature=0.0, top_p=0.1, extra={"dry_multiplier": 0.0})
    assert _params(own, is_default=True) == own


@pytest.mark.parametrize(("cpus", "threads"), [(0.5, 1), (1, 1), (2, 1), (3.9, 1), (4, 2), (8, 4), (64, 8)])
def test_threads_follow_the_cpus_that_may_be_used(cpus: float, threads: int) -> None:
    """Two threads on two busy CPUs wait for each other and answer at a tenth of the speed of one."""
    assert embedded_child.threads_for(cpus) == threads


@pytest.mark.parametrize(("text", "cpus"), [("150000 100000", 1.5), ("max 100000", None), ("", None), ("nonsense", None)])
def test_the_quota_of_a_container_counts(tmp_path: Path, text: str, cpus: float | None) -> None:
    """Binder gives a fraction of a large machine."""
    (tmp_path / "cpu.max").write_text(text)
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    assert embedded_child.usable_cpus(str(tmp_path / "cpu.max")) == (min(here, cpus) if cpus else here)


def test_calls_that_follow_each_other_at_once_do_not_meet_a_closed_connection() -> None:
    """llama.cpp's server announces to keep a connection after a stream, and closes it."""
    gguf = real_weights()

    async def run() -> None:
        backend = opened(gguf)
        for n in range(12):
            await collect(backend, call("Hi", stream=n % 3 != 2, params=Params(max_tokens=1)))
        await backend.aclose()

    asyncio.run(run())
