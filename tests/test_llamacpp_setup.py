"""What is wrong with a llama.cpp server's file, program, port or entry is said with what to do about it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import llama_server
import pytest
from calls import collect
from llama_backends import FILE, asked, closing, opened
from ports import free_port
from served import loaded, outcome

from routebook.backends.llamacpp import LlamaCppBackend
from routebook.backends.llamacpp_runner import parsed
from routebook.backends.registry import open_backend
from routebook.config.read import parse
from routebook.config.values import Model, Provider
from routebook.engine.router import Router
from routebook.errors import AllAttemptsFailed, ConfigError, ProviderError, SetupNeeded, Unavailable
from routebook.messages import Answer


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
            async with asyncio.timeout(60):
                while await backend._servers["tiny"].look() != "well":  # noqa: ASYNC110 - it is another process
                    await asyncio.sleep(0.05)
            with pytest.raises(kind, match=said):
                await collect(backend, asked())

    with subprocess.Popen(argv, env={**os.environ, "LLAMA_API_KEY": "shared"}) as theirs:
        try:
            asyncio.run(run())
        finally:
            theirs.kill()


def test_a_file_that_is_no_model_says_what_the_server_said(tmp_path: Path) -> None:
    """An interrupted download."""

    async def run() -> None:
        backend = opened(tmp_path, free_port(), "--die-loading", "error: failed to load model, magic is wrong")
        async with closing(backend):
            with pytest.raises(Unavailable, match=r"ended \(status 1\) while it loaded tiny\.gguf\. It said: .*magic is wrong.*whole GGUF"):
                await collect(backend, asked())

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
