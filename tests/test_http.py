"""Requests, and what sockets say when they fail."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import pytest
from calls import KEY
from http_clients import client, got
from rawserver import listening, raw, response

from routebook.backends.http import Http
from routebook.backends.translate import Translator
from routebook.backends.transport import Transport
from routebook.errors import BadRequest, StreamBroken, TimedOut, Unavailable, UsageError


def test_a_request_says_what_it_must_and_no_more() -> None:
    """Uncompressed, because a compressed stream waits for its block; with the user's headers on top."""

    async def run() -> bytes:
        async with raw(response(b"{}")) as server, client(server.url + "/v1/?api-version=2", **{"User-Agent": "mine", "x-a": "b"}) as http:
            await got(http, "/chat?x=1", body={"a": "ż"})
            return server.requests[0]

    head, _, body = asyncio.run(run()).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert first == "POST /v1/chat?x=1&api-version=2 HTTP/1.1"
    assert body == '{"a":"ż"}'.encode()
    assert headers.pop("host").startswith("127.0.0.1:")
    assert headers == {
        "accept": "*/*", "accept-encoding": "identity", "content-type": "application/json", "content-length": "10", "user-agent": "mine", "x-a": "b",
    }  # fmt: skip


def test_connections_are_used_again() -> None:
    """A new connection to a provider costs a tenth of a second or more."""

    async def run() -> int:
        async with raw(response(b"{}")) as server, client(server.url) as http:
            for _ in range(5):
                await got(http)
            return server.n_connections

    assert asyncio.run(run()) == 1


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    """Servers close idle connections whenever they like; the next call must not fail for it."""

    async def run() -> int:
        async with raw(response(b"{}", headers="connection: close\r\n")) as server, client(server.url) as http:
            for _ in range(3):
                await got(http)
                await asyncio.sleep(0.02)
            return server.n_connections

    assert asyncio.run(run()) == 3


@pytest.mark.parametrize(("server_name", "n_connections"), [("llama.cpp", 3), ("uvicorn", 1)])
def test_a_stream_of_llama_cpp_s_server_ends_its_connection(server_name: str, n_connections: int) -> None:
    """It announces to keep the connection and closes it a moment later: the next call would fail for nothing."""

    async def run() -> int:
        stream = (
            f"HTTP/1.1 200 OK\r\nServer: {server_name}\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
        )
        async with raw(stream.encode()) as server, client(server.url) as http:
            for _ in range(3):
                assert await got(http) == b"{}"
            return server.n_connections

    assert asyncio.run(run()) == n_connections


def test_a_failed_response_is_read_so_that_its_connection_is_used_again() -> None:
    """Free tiers answer 429 all day; each must not cost a connection."""

    async def run() -> int:
        async with raw(response(b'{"error":"no"}', status=400)) as server, client(server.url) as http:
            for _ in range(3):
                with pytest.raises(BadRequest, match="no"):
                    await got(http)
            return server.n_connections

    assert asyncio.run(run()) == 1


def test_nobody_listening_is_unavailable_with_what_to_do() -> None:
    """The usual case: the local server is not started."""

    async def run() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        async with client(f"http://127.0.0.1:{port}", hint="Start it: acme serve") as http:
            with pytest.raises(Unavailable, match=rf"acme: 127\.0\.0\.1:{port} does not answer: .*[Rr]efused.*Start it: acme serve"):
                await got(http)

    asyncio.run(run())


def test_an_unknown_name_is_unavailable() -> None:
    """A typing error in base_url, or no network."""

    async def run() -> None:
        async with client("http://no-such-host.invalid") as http:
            with pytest.raises(Unavailable, match=r"no-such-host\.invalid:80 does not answer"):
                await got(http)

    asyncio.run(run())


def test_a_loop_that_stood_still_is_no_server_that_does_not_answer() -> None:
    """A laptop that slept, or a thousand requests that begin at once: the connection is there, and only has to be noticed."""

    async def run() -> None:
        async with raw(response(b"{}")) as server, client(server.url) as http:
            asyncio.get_running_loop().call_later(0.001, time.sleep, 0.5)
            await asyncio.sleep(0)
            await got(http, connect_s=0.05)

    asyncio.run(run())


def test_a_connection_that_does_not_come_about_runs_out_of_its_own_time() -> None:
    """The first of an attempt's four times; the others are the engine's."""

    async def run() -> float:
        with socket.socket() as full:  # a server that accepts nothing: its queue is full
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)  # noqa: FBT003 - the standard library's
                filler.connect_ex(("127.0.0.1", port))
            start = time.monotonic()
            async with client(f"http://127.0.0.1:{port}") as http:
                with pytest.raises(TimedOut) as caught:
                    await got(http, connect_s=0.2)
            for filler in fillers:
                filler.close()
            assert (caught.value.phase, caught.value.limit_s, caught.value.provider) == ("connect", 0.2, "acme")
            return time.monotonic() - start

    assert 0.15 < asyncio.run(run()) < 10


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"\x16\x03\x01" * 30,
    ],
)
def test_what_is_no_response_is_unavailable(answer: bytes) -> None:
    """Another program listens there, or it died."""

    async def run() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(answer)
            writer.close()

        async with listening(handle) as port, client(f"http://127.0.0.1:{port}") as http:
            with pytest.raises(Unavailable):
                await got(http)

    asyncio.run(run())


def test_a_body_that_ends_early_breaks_the_stream() -> None:
    """Half an answer must not pass for a whole one."""

    async def run() -> None:
        for cut in (
            b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\nconnection: close\r\n\r\nhalf",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\nhalf",
        ):
            async with raw(cut) as server, client(server.url) as http:
                with pytest.raises(StreamBroken, match="the connection broke"):
                    await got(http)

    asyncio.run(run())


def test_a_body_above_the_bound_is_not_kept() -> None:
    """A server must not fill the memory."""

    async def run() -> None:
        async with raw(response(b"x" * 5000)) as server, client(server.url) as http:
            reply = await http.send("/x", local=False, connect_s=2)
            with pytest.raises(StreamBroken, match="larger than 1000 bytes"):
                await reply.read(max_bytes=1000)
            await reply.aclose()

    asyncio.run(run())


@pytest.mark.parametrize(
    "url", ["api.example.com/v1", "ftp://example.com", "http://", "http://user:secret@example.com", "http://a:99999", "http://[::1", ""]
)
def test_a_wrong_base_url_is_refused_without_being_shown(url: str) -> None:
    """It may hold a password."""
    with pytest.raises(UsageError, match="base_url of provider 'acme'") as caught:
        Http(url, headers={}, errors=Translator("acme", clock=time.time))
    assert "secret" not in str(caught.value)


def test_neither_headers_nor_key_are_in_the_representation() -> None:
    """Representations end up in tracebacks and notebooks."""
    errors = Translator("acme", clock=time.time, secret=KEY)
    http = Http("http://127.0.0.1:1", headers={"Authorization": f"Bearer {KEY}"}, errors=errors)
    assert KEY not in repr(http) + repr(errors)


def test_500_calls_at_once_have_500_connections_and_the_next_waits() -> None:
    """Many prompts at once are what `map` is for, and a limit keeps the process within its open files."""

    async def run() -> tuple[int, int]:
        free = asyncio.Event()
        n_open = 0

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal n_open
            n_open += 1
            await reader.readuntil(b"\r\n\r\n")
            await free.wait()
            writer.write(response(b"{}"))
            with contextlib.suppress(asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(response(b"{}"))
            writer.close()

        async with listening(handle, backlog=1000) as port, client(f"http://127.0.0.1:{port}") as http:
            calls = [asyncio.create_task(got(http)) for _ in range(510)]
            while n_open < 500:  # noqa: ASYNC110 - the kernel opens them
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            most = n_open
            free.set()
            bodies = await asyncio.gather(*calls)
        return most, len(bodies)

    assert asyncio.run(run()) == (500, 510)


def test_a_cancelled_call_gives_its_place_back() -> None:
    """A thousand cancelled cells must not leave the next one waiting for ever."""

    async def run() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        async with listening(handle) as port, client(f"http://127.0.0.1:{port}") as http:
            for wait_s in (0.0, 0.001, 0.03):
                calls = [asyncio.create_task(got(http)) for _ in range(20)]
                await asyncio.sleep(wait_s)
                for one in calls:
                    one.cancel()
                await asyncio.gather(*calls, return_exceptions=True)
            transport = http._client(local=True)._transport
            assert isinstance(transport, Transport)
            assert transport._places._value == 500
            assert transport._idle == []

    asyncio.run(run())
