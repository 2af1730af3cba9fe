"""The wall, checked where sockets are opened."""

# ruff: noqa: S104 - addresses that servers bind to are data here

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import httpcore
import pytest
from calls import KEY, WIRES, call, collect, served
from rawserver import listening, raw, response

from routebook.backends.http import Http
from routebook.backends.network import Stream, connect, is_local_name, is_loopback
from routebook.backends.registry import open_backend
from routebook.backends.translate import Translator
from routebook.config.values import Provider
from routebook.errors import LocalOnlyViolation, Unavailable

EVERYWHERE = ["http://0.0.0.0:1", "http://[::]:1"]
OUTSIDE = [
    "http://10.0.0.1",
    "http://192.0.2.7:8080",
    "http://[2001:db8::1]",
    "https://api.example.com/v1",
    "http://models.lan",
    *EVERYWHERE,
]


class Sockets:
    """What was asked of sockets."""

    def __init__(self) -> None:
        self.connected: list[Any] = []
        self.looked_up: list[str] = []


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Sockets:
    """Watch every connection and every look-up of the process, below all of our code."""
    seen = Sockets()
    connect_before, look_up = socket.socket.connect, socket.getaddrinfo

    def connecting(self: socket.socket, address: Any) -> None:  # noqa: ANN401  whatever a socket takes
        seen.connected.append(address[0])
        connect_before(self, address)

    def looking_up(host: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        seen.looked_up.append(host)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", connecting)
    monkeypatch.setattr(socket, "getaddrinfo", looking_up)
    return seen


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("url", OUTSIDE)
def test_behind_the_wall_no_backend_reaches_an_address_outside(wire: str, url: str, sockets: Sockets) -> None:
    """`local` is a promise: no socket is opened and not even a name is looked up, whatever base_url says."""

    async def run() -> None:
        backend = open_backend("acme", Provider(kind=wire, base_url=url), key=KEY, models={})  # type: ignore[arg-type] # a wire's name is a kind
        with pytest.raises(LocalOnlyViolation, match="nothing was sent"):
            await collect(backend, call(local=True))
        with pytest.raises(LocalOnlyViolation):
            await backend.list_models(local=True)
        await backend.aclose()

    if wire == "ollama" and url in EVERYWHERE:
        pytest.skip("Ollama's own way to write every address of this machine, which is called at loopback")
    asyncio.run(run())
    assert [host for host in sockets.connected if not is_loopback(host)] == []
    assert [host for host in sockets.looked_up if not is_loopback(str(host))] == []


@pytest.mark.parametrize("wire", WIRES)
def test_behind_the_wall_this_machine_is_reached(wire: str) -> None:
    """The wall must not be in the way of local models."""

    async def run() -> None:
        async with served(wire) as (server, backend):
            assert (await collect(backend, call(local=True))).text
            assert await backend.list_models(local=True)
            assert server.seen.attempts == 1

    asyncio.run(run())


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "model.localhost"])
def test_names_of_this_machine_are_known(host: str) -> None:
    """People write localhost; a system need not know names under it, nor listen at 127.1.2.3."""
    may_fail = () if host in ("localhost", "127.0.0.1") else (Unavailable,)

    async def run() -> None:
        async with raw(response(b"[]")) as server:
            port = server.url.rpartition(":")[2]
            http = Http(f"http://{host}:{port}", headers={}, errors=Translator("acme", clock=time.time))
            with contextlib.suppress(*may_fail):
                reply = await http.send("/x", local=True, connect_s=20)
                assert await reply.read() == b"[]"
                await reply.aclose()
            await http.aclose()

    asyncio.run(run())


def test_a_local_name_that_leads_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch, sockets: Sockets) -> None:
    """A hosts file can send `localhost` anywhere; what counts is the address."""
    elsewhere = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.9", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: elsewhere)

    async def run() -> None:
        http = Http("http://localhost:80", headers={}, errors=Translator("acme", clock=time.time))
        with pytest.raises(LocalOnlyViolation, match=r"resolves to 192\.0\.2\.9"):
            await http.send("/x", local=True, connect_s=2)
        await http.aclose()

    asyncio.run(run())
    assert sockets.connected == []


def test_a_redirection_is_not_followed(sockets: Sockets) -> None:
    """It would carry the prompt, and the key, to wherever the server says."""

    async def run() -> None:
        for location in ("http://192.0.2.9/", "http://127.0.0.1:9/"):
            async with raw(response(b"", status=307, headers=f"location: {location}\r\n")) as server:
                for wire in WIRES:
                    backend = open_backend("acme", Provider(kind=wire, base_url=server.url), key=KEY, models={})  # type: ignore[arg-type] # a wire's name is a kind
                    with pytest.raises(Exception, match="base_url"):
                        await collect(backend, call(local=True))
                    await backend.aclose()
                assert server.n_connections == len(server.requests) == len(WIRES)

    asyncio.run(run())
    assert {host for host in sockets.connected if not is_loopback(host)} == set()


def test_the_wall_stands_whatever_proxies_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy is a machine like any other; addresses of this machine never go through one."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def run() -> None:
        async with served() as (_, backend):
            for local in (True, False):
                assert (await collect(backend, call(local=local))).text

    asyncio.run(run())


def test_an_open_connection_is_not_taken_over_behind_the_wall() -> None:
    """Connections are kept; one that was opened without the wall must not serve a call behind it."""

    async def run() -> None:
        async with raw(response(b"[]")) as server:
            port = server.url.rpartition(":")[2]
            http = Http(f"http://testhost.invalid:{port}", headers={}, errors=Translator("acme", clock=time.time))
            with pytest.raises(Unavailable):
                await http.send("/x", local=False, connect_s=2)
            with pytest.raises(LocalOnlyViolation):
                await http.send("/x", local=True, connect_s=2)
            await http.aclose()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("address", "is_here"),
    [
        ("127.0.0.1", True), ("127.255.0.9", True), ("::1", True), ("[::1]", True), ("::ffff:127.0.0.1", True), ("::1%lo", True),
        ("10.0.0.1", False), ("0.0.0.0", False), ("::", False), ("169.254.1.1", False), ("::ffff:10.0.0.1", False), ("localhost", False), ("", False),
    ],
)  # fmt: skip
def test_loopback_is_told_from_everything_else(address: str, is_here: bool) -> None:  # noqa: FBT001
    """One mistake here and the wall has a hole."""
    assert is_loopback(address) is is_here


def test_only_localhost_names_stand_for_this_machine() -> None:
    """A name that only looks like it belongs to someone."""
    assert all(map(is_local_name, ("localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1")))
    assert not any(map(is_local_name, ("localhost.example.com", "notlocalhost", "localhost.evil", "")))


def running(with_stream: Callable[[Stream, asyncio.StreamWriter], Coroutine[Any, Any, None]]) -> None:
    """Connect our stream to a plain server and run a test on both ends."""

    async def run() -> None:
        there: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()

        async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there.set_result(writer)

        async with listening(handle) as port:
            stream = await connect("127.0.0.1", port, local_only=True)
            await with_stream(stream, await there)
            await stream.aclose()

    asyncio.run(run())


def test_a_slow_reader_stops_a_fast_sender() -> None:
    """A stream that nobody reads must not fill the memory."""

    async def check(stream: Stream, writer: asyncio.StreamWriter) -> None:
        sent = 64 << 20
        writer.write(b"x" * sent)
        await asyncio.sleep(0.2)
        assert sum(map(len, stream._chunks)) < 4 << 20
        read = 0
        while read < sent:
            read += len(await stream.read(1 << 16))
        assert read == sent

    running(check)


def test_a_cut_connection_ends_a_read_and_fails_a_write() -> None:
    """Both must end; neither may hang."""

    async def check(stream: Stream, writer: asyncio.StreamWriter) -> None:
        assert not stream.get_extra_info("is_readable")
        writer.write(b"last words")
        writer.transport.close()
        assert await stream.read(100) == b"last words"
        assert await stream.read(100) == b""
        assert stream.get_extra_info("is_readable")
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"x")

    running(check)


def test_a_reset_connection_is_an_error_to_read() -> None:
    """A reset is no orderly end: the answer is not whole."""

    async def check(stream: Stream, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()
        with pytest.raises(httpcore.ReadError):
            await stream.read(100)

    running(check)


def test_a_write_waits_for_a_receiver_that_is_slow() -> None:
    """A long prompt is not kept twice."""

    async def check(stream: Stream, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined] # a socket's transport can
        writing = asyncio.create_task(stream.write(b"x" * (32 << 20)))
        await asyncio.sleep(0.1)
        assert not writing.done()
        await stream.aclose()
        await asyncio.wait_for(writing, 20)

    running(check)


def test_a_stream_that_flows_is_read_in_step_and_the_next_request_at_once() -> None:
    """Ten panes whose every token wakes the loop cost a notebook twice what they cost together; a first token waits for nothing."""

    async def check(stream: Stream, writer: asyncio.StreamWriter) -> None:
        reads = stream._transport.is_reading
        for _ in range(16):
            writer.write(b"x")
            assert await stream.read(100) == b"x"
            assert reads()
        writer.write(b"yz")
        assert await stream.read(1) == b"yz"
        assert not reads()
        writer.write(b"more")
        assert await asyncio.wait_for(stream.read(100), 5) == b"more"
        assert not reads()
        await stream.write(b"GET /next HTTP/1.1\r\n\r\n")
        assert reads()
        await asyncio.sleep(0.1)  # the beat that was waited for comes, and is none of the next request's
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nbody")
        assert await stream.read(100) == b"HTTP/1.1 200 OK\r\n\r\n"
        assert await stream.read(100) == b"body"
        assert reads()

    running(check)
