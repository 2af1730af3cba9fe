"""llama.cpp servers that Routebook starts, shares between kernels, and stops: real processes; one test with a real model."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import llama_server
import pytest
from calls import call, collect
from served import loaded, outcome
from weights_here import real_weights

from routebook.backends.llamacpp import LlamaCppBackend
from routebook.backends.llamacpp_runner import parsed
from routebook.backends.registry import open_backend
from routebook.backends.residents import Residents
from routebook.config.read import parse
from routebook.config.values import Model, Provider
from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, ConfigError, ProviderError, PullFailed, SetupNeeded, StreamBroken, Unavailable
from routebook.messages import Answer, Call
from routebook.testing import ScriptedServer

FILE = "tiny.gguf"
PATIENCE_S = 30.0


def free_port() -> int:
    """A port on which nobody listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def opened(folder: Path, port: int, *args: str, command: str | None = None, gguf: Path | None = None, **more: Any) -> LlamaCppBackend:  # noqa: ANN401  of Model
    """A backend over one model, whose server is a program that answers without one."""
    file = gguf or folder / FILE
    if gguf is None:
        file.write_bytes(b"GGUF" * 1000)
    model = Model(provider="llama", id="tiny", gguf=str(file), port=port, args=args, **more)
    provider = Provider(kind="llamacpp", command=command or llama_server.program(folder))
    backend = open_backend("llama", provider, key=None, models={"small": model})
    assert isinstance(backend, LlamaCppBackend)
    return backend


@contextlib.asynccontextmanager
async def closing(*backends: LlamaCppBackend) -> AsyncIterator[None]:
    """Let go of the servers in any case."""
    try:
        yield
    finally:
        for backend in backends:
            await backend.aclose()


def asked(**more: Any) -> Call:  # noqa: ANN401  of Call
    """A call to the model, behind the wall."""
    return call("count", model_id="tiny", local=True, **more)


def record() -> dict[str, Any]:
    """What the one keeper says of itself to kernels of the same user."""
    [file] = (Path.home() / ".cache" / "routebook" / "servers").glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said: dict[str, Any] = json.loads(file.read_text())
    return said


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "zombie" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc/self").exists() else True


def parent_of(pid: int) -> int:
    """The process that started another."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for what other processes do."""
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until, "it did not come to be"
        time.sleep(0.05)


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
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


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
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) == 0
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


def test_a_killed_kernel_leaves_no_server_behind(tmp_path: Path) -> None:
    """`kill -9` runs no clean-up; the memory must come back all the same."""
    program = (
        "import asyncio, sys, pathlib\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from test_llamacpp import asked, collect, opened, record\n"
        "async def run():\n"
        "    backend = opened(pathlib.Path(sys.argv[2]), int(sys.argv[3]))\n"
        "    await collect(backend, asked())\n"
        "    print(record()['pid'], flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(run())\n"
    )
    argv = [sys.executable, "-c", program, str(Path(__file__).parent), str(tmp_path), str(free_port())]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as kernel:
        assert kernel.stdout is not None
        pid = int(kernel.stdout.readline())
        assert is_alive(pid)
        kernel.kill()
    wait_until(lambda: not is_alive(pid))
    assert not list((Path.home() / ".cache" / "routebook").rglob("*.json"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_killed_keeper_takes_its_server_along(tmp_path: Path) -> None:
    """Nobody would know of it any more."""

    async def run() -> None:
        backend = opened(tmp_path, free_port())
        async with closing(backend):
            await collect(backend, asked())
            pid = int(record()["pid"])
            link = backend._servers["tiny"].link
            assert link is not None
            os.kill(parent_of(pid), signal.SIGKILL)
            await asyncio.to_thread(wait_until, lambda: not is_alive(pid))
            assert await link.ended(within_s=PATIENCE_S)
            assert (await collect(backend, asked())).text

    asyncio.run(run())


def test_a_crash_is_an_error_with_its_last_words_and_the_next_call_starts_it_again(tmp_path: Path) -> None:
    """Out of memory in the middle of an answer costs that answer."""
    port = free_port()

    async def run() -> None:
        backend = opened(tmp_path, port, "--die-at", "3")
        async with closing(backend):
            for _ in range(2):
                with pytest.raises(
                    StreamBroken, match=r"server of small ended \(status 9\) while it answered.*next request starts it again"
                ):
                    await collect(backend, asked())
        slow = opened(tmp_path, port, "--token-s", "0.05")
        async with closing(slow):
            events = slow.stream(asked())
            await anext(events)
            os.kill(record()["pid"], signal.SIGKILL)
            with pytest.raises(StreamBroken, match=r"was killed \(signal 9\)"):
                async for _ in events:
                    pass
            assert (await collect(slow, asked())).text

    asyncio.run(run())


def test_a_crash_costs_a_request_nothing_but_time(tmp_path: Path) -> None:
    """The route's own reactions hold: the same model once more, then the next."""
    program, port = llama_server.program(tmp_path), free_port()
    (tmp_path / FILE).write_bytes(b"GGUF")
    given = loaded(
        providers={"llama": {"kind": "llamacpp", "command": program}, "here": {"kind": "chaos", "chaos": {"reply": "the other"}}},
        models={
            "small": {"provider": "llama", "id": "tiny", "gguf": str(tmp_path / FILE), "port": port, "args": ["--die-at", "3"]},
            "other": {"provider": "here", "id": "other"},
        },
        routes=[{"name": "chat", "try": ["small", "other"]}],
    )

    async def run() -> None:
        async with Router(given) as router:
            answer = await router.ask("count", local=True)
            assert answer.text == "the other"
            assert [(one.model, one.error_type) for one in answer.attempts] == [
                ("small", "StreamBroken"), ("small", "StreamBroken"), ("other", None),
            ]  # fmt: skip

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


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"gguf": "missing"}, r"small: there is no file .*missing\.gguf\. Put the GGUF file there, correct gguf in \[models\.small\]"),
        (
            {"command": "/nowhere/llama-server"},
            r"there is no program '/nowhere/llama-server'.*brew install llama\.cpp.*pip install xllamacpp",
        ),
    ],
)
def test_what_is_not_there_is_named_with_what_to_type(tmp_path: Path, what: dict[str, str], said: str) -> None:
    """And the list of models says the same of a file."""
    gguf = tmp_path / "missing.gguf" if "gguf" in what else None

    async def run() -> None:
        backend = opened(tmp_path, free_port(), gguf=gguf, command=what.get("command"))
        async with closing(backend):
            with pytest.raises(SetupNeeded, match=said):
                await collect(backend, asked())
            if gguf:
                with pytest.raises(SetupNeeded, match=said):
                    await backend.list_models()

    asyncio.run(run())


def test_a_port_that_is_taken_is_said_with_what_to_do(tmp_path: Path) -> None:
    """By what is no llama.cpp server, and by another notebook's."""
    (tmp_path / "other.gguf").write_bytes(b"GGUF")

    async def taken(port: int, said: str) -> None:
        backend = opened(tmp_path, port)
        async with closing(backend):
            with pytest.raises(SetupNeeded, match=rf"port {port} is taken\. {said}.*give \[models\.small\] another port"):
                await collect(backend, asked())

    async def run() -> None:
        web = await asyncio.start_server(_not_found, "127.0.0.1", 0)
        async with web:
            await taken(web.sockets[0].getsockname()[1], "What listens there is no llama.cpp server")
        other = opened(tmp_path, free_port(), gguf=tmp_path / "other.gguf")
        async with closing(other):
            await collect(other, asked())
            await taken(other._servers["tiny"].launch.port, r"Another notebook's server is there, for other\.gguf")

    asyncio.run(run())


@pytest.mark.parametrize(
    ("key", "kind", "said"),
    [
        ("shared", SetupNeeded, r"A llama\.cpp server is there that was started with theirs\.gguf"),
        (None, ProviderError, "Invalid API Key"),  # whose it is, it does not tell without its key
    ],
)
def test_a_server_of_another_model_is_not_asked(tmp_path: Path, key: str | None, kind: type[Exception], said: str) -> None:
    """An answer of the wrong model would look right."""
    port = free_port()
    argv = [llama_server.program(tmp_path), "-m", "/models/theirs.gguf", "--host", "127.0.0.1", "--port", str(port)]

    async def run() -> None:
        model = Model(provider="llama", id="tiny", gguf=str(tmp_path / FILE), port=port)
        backend = open_backend("llama", Provider(kind="llamacpp"), key=key, models={"small": model})
        assert isinstance(backend, LlamaCppBackend)
        async with closing(backend):
            while await backend._servers["tiny"].look() != "well":  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.05)
            with pytest.raises(kind, match=said):
                await collect(backend, asked())

    with subprocess.Popen(argv, env={**os.environ, "LLAMA_API_KEY": "shared"}) as theirs:
        asyncio.run(run())
        theirs.kill()


def test_a_file_that_is_no_model_says_what_the_server_said(tmp_path: Path) -> None:
    """An interrupted download."""

    async def run() -> None:
        backend = opened(tmp_path, free_port(), "--die-loading", "error: failed to load model, magic is wrong")
        async with closing(backend):
            with pytest.raises(Unavailable, match=r"ended \(status 1\) while it loaded tiny\.gguf\. It said: .*magic is wrong.*whole GGUF"):
                await collect(backend, asked())

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
            assert answering.done()
            assert len((await answering).text.split()) == llama_server.TOKENS
            assert await backend.residents(local=True) == []
            assert (await collect(backend, asked())).finish.timings["load_s"]
            with pytest.raises(PullFailed):
                await anext(backend.pull("tiny", local=True))

    asyncio.run(run())


def test_the_runner_says_which_arguments_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    """`args` may be written for the real `llama-server`."""
    argv = ["-m", "x.gguf", "--alias", "x", "--port", "1", "--jinja", "-c", "8192", "-np", "2"]
    found = parsed([*argv, "--n-gpu-layers", "32"])
    assert (found.ctx_size, found.parallel, found.n_gpu_layers) == (8192, 2, 32)
    with pytest.raises(SystemExit):
        parsed([*argv, "--flash-attn"])
    assert "knows no --flash-attn" in capsys.readouterr().err


BASE = """
[providers.llama]
kind = "llamacpp"
{provider}
[providers.other]
kind = "chaos"
[models.a]
provider = "llama"
id = "a"
{a}
[models.b]
provider = "{of_b}"
id = "{id_b}"
{b}
[[routes]]
name = "chat"
try = ["a", "b"]
"""
RIGHT = {"provider": "", "a": 'gguf = "a.gguf"\nport = 8081', "of_b": "llama", "id_b": "b", "b": 'gguf = "b.gguf"\nport = 8080'}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"a": "port = 8081"}, r"models\.a\.gguf: is missing"),
        ({"a": 'gguf = "a.gguf"'}, r"models\.a\.port: is missing.*port = 8081"),
        ({"a": 'gguf = "a.gguf"\nport = 70000'}, r"models\.a\.port: expected"),
        ({"b": 'gguf = "b.gguf"\nport = 8081'}, r"models\.b\.port: 8081 is the port of 'a', with another file"),
        ({"id_b": "a"}, r"models\.b\.id: 'a' is the id of 'a' too"),
        (
            {"a": RIGHT["a"] + '\nargs = ["--port", "1"]'},
            r"models\.a\.args\[0\]: '--port' is given to the server by Routebook\. Say it in port",
        ),
        ({"of_b": "other", "b": "port = 8080"}, r"models\.b\.port: belongs to models of a kind = \"llamacpp\" provider"),
        ({"provider": "discover = true"}, r"providers\.llama\.discover: means nothing"),
        ({"provider": 'base_url = "http://127.0.0.1:1/v1"'}, r"providers\.llama\.base_url: means nothing"),
        ({"provider": '[providers.x]\nkind = "ollama"\ncommand = "x"'}, r"providers\.x\.command: belongs to kind = \"llamacpp\""),
    ],
)
def test_mistakes_in_the_file_are_named(change: dict[str, str], said: str) -> None:
    """Before anything is started."""
    parse(BASE.format(**RIGHT), file="x")
    with pytest.raises(ConfigError, match=said):
        parse(BASE.format(**(RIGHT | change)), file="x")


def test_paths_are_seen_from_the_file(tmp_path: Path) -> None:
    """And `~` is the user's home."""
    (tmp_path / "routing.toml").write_text(BASE.format(**(RIGHT | {"b": 'gguf = "~/b.gguf"\nport = 1'})), encoding="utf-8")
    models = Router.load(tmp_path / "routing.toml", books=":memory:").config.models
    assert models["a"].gguf == str(tmp_path / "a.gguf")
    assert models["b"].gguf == str(Path.home() / "b.gguf")


def test_without_any_model_the_error_says_what_to_type(tmp_path: Path) -> None:
    """A cell shows it as it is."""
    given = loaded(
        providers={"llama": {"kind": "llamacpp"}},
        models={"small": {"provider": "llama", "id": "tiny", "gguf": str(tmp_path / "no.gguf"), "port": free_port()}},
        routes=[{"name": "chat", "try": ["small"]}],
    )

    async def run() -> Answer | Exception:
        async with Router(given) as router:
            return await outcome(router, local=True)

    error = asyncio.run(run())
    assert isinstance(error, SetupNeeded | AllAttemptsFailed)
    assert "Put the GGUF file there" in str(error)


async def _not_found(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    await writer.drain()
    writer.close()
