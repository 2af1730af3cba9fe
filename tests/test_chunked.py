"""Chunked bodies read by ourselves: the same bytes as the library reads, however they are cut, and whatever is unusual is left to it."""

from __future__ import annotations

import asyncio

import h11
import httpcore
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rawserver import RawServer, listening

from routebook.backends.chunked import Chunks
from routebook.backends.transport import Transport

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECES = st.lists(st.binary(min_size=1, max_size=40), max_size=8)
CUTS = st.lists(st.integers(1, 30), min_size=1, max_size=20)
ODD = [
    b"5;name=value\r\nhello\r\n0\r\n\r\n", b"005\r\nhello\r\n0\r\n\r\n", b"5\nhello\n0\n\n", b"5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n", b"5\r\nhelloxx0\r\n\r\n",
    b"zz\r\nhello\r\n0\r\n\r\n", b"5\r\nhel", b"5\r\nhello", b"5\r\nhello\r", b"5\r\nhello\r\n", b"5", b"5\r", b"", b"-5\r\nhello\r\n", b"0\r\n\r\n",
    b"fffffffffffffffffffff\r\nhello", b"5\r\nhello\r\n\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n",
]  # fmt: skip
"""Bodies that are unusual, broken, or end too early."""


def framed(pieces: list[bytes]) -> bytes:
    """Pieces as chunks, and the end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def cut(raw: bytes, cuts: list[int]) -> list[bytes]:
    """Bytes in pieces of these sizes, again and again."""
    found = []
    while raw:
        size = cuts[len(found) % len(cuts)]
        found.append(raw[:size])
        raw = raw[size:]
    return found


def by_the_library(raw: bytes) -> tuple[bytes, bool]:
    """What h11 reads of a body, and whether it came to its end."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(HEAD + raw)
    body = b""
    try:
        for last in (False, True):
            if last:
                connection.receive_data(b"")
            while (event := connection.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.EndOfMessage):
                    return body, True
                body += bytes(event.data) if isinstance(event, h11.Data) else b""
    except h11.RemoteProtocolError:
        pass
    return body, False


async def through_the_transport(raw: bytes, cuts: list[int]) -> tuple[bytes, bool, int]:
    """The same of a real connection: its body, whether it came to its end, and how many connections two requests took."""
    server = RawServer([cut(raw, cuts)])
    async with listening(server.handle) as port:
        transport = Transport(httpcore.Origin(b"http", b"127.0.0.1", port), local_only=True, tls=None)
        body, is_whole = b"", True
        for _ in range(2):
            body = b""
            request = httpx.Request("GET", f"http://127.0.0.1:{port}/", extensions={"timeout": {"connect": 5.0}})
            response = await transport.handle_async_request(request)
            try:
                async with asyncio.timeout(20):
                    async for piece in response.stream:  # type: ignore[union-attr]
                        body += piece
            except (httpcore.RemoteProtocolError, TimeoutError):
                is_whole = False
            await response.aclose()
        await transport.aclose()
    return body, is_whole, server.n_connections


@given(PIECES, CUTS)
def test_however_it_is_cut_a_body_is_read_whole_and_its_end_is_left(pieces: list[bytes], cuts: list[int]) -> None:
    """Networks cut where they like, in the middle of a size too."""
    chunks, parts, found = Chunks(), cut(framed(pieces), cuts), b""
    while chunks.rest is None:
        found += chunks.feed(parts.pop(0))
    assert found == b"".join(pieces)
    assert chunks.rest + b"".join(parts) == b"0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("raw", ODD)
def test_what_is_unusual_is_read_as_the_library_reads_it(raw: bytes, size: int) -> None:
    """It is the judge of frames: what it refuses is refused, and what it reads is read."""
    chunks, found, parts = Chunks(), b"", cut(raw, [size])
    while chunks.rest is None and parts:
        found += chunks.feed(parts.pop(0))
    if chunks.rest is None:
        chunks.stop()
    rest, is_whole = by_the_library((chunks.rest or b"") + b"".join(parts))
    body, should_be_whole = by_the_library(raw)
    assert is_whole == should_be_whole
    assert found + rest == body or not should_be_whole


@pytest.mark.parametrize("cuts", [[1000], [1], [30, 20, 3]])
@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"])
def test_a_connection_is_used_again_after_a_body_read_so(interim: bytes, cuts: list[int]) -> None:
    """The library sees the end of every body, so it knows that the next request may go; heads may come in any pieces, and one before the real one."""
    pieces = [b"data: one\n\n", b"data: " + b"x" * 200 + b"\n\n", b"\r\n"]
    body, is_whole, connections = asyncio.run(through_the_transport(interim + HEAD + framed(pieces), cuts))
    assert (body, is_whole, connections) == (b"".join(pieces), True, 1)


def test_a_body_that_breaks_off_is_an_error_and_its_connection_is_not_used_again() -> None:
    """Half an answer must not look like a whole one."""
    body, is_whole, connections = asyncio.run(through_the_transport(HEAD + b"5\r\nhello\r\nzz\r\n", [9]))
    assert (body, is_whole, connections) == (b"hello", False, 2)
