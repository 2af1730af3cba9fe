"""Proxies from the environment."""

from __future__ import annotations

import asyncio
import time

import httpcore
import pytest
from rawserver import raw, response

from routebook.backends.http import Http
from routebook.backends.proxies import proxy_for
from routebook.backends.translate import Translator
from routebook.errors import LocalOnlyViolation, RoutebookError, SetupNeeded, Unavailable

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def origin(scheme: str, host: str, port: int) -> httpcore.Origin:
    """An address."""
    return httpcore.Origin(scheme.encode(), host.encode(), port)


def test_the_proxy_of_the_scheme_counts_then_the_one_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """As curl and every other program reads the environment."""
    assert proxy_for("https", "api.example.com", 443) is None
    monkeypatch.setenv("ALL_PROXY", "proxy:1")
    assert proxy_for("https", "api.example.com", 443) == "http://proxy:1"
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:2")
    assert proxy_for("https", "api.example.com", 443) == "http://proxy:2"
    assert proxy_for("http", "api.example.com", 80) == "http://proxy:1"
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert proxy_for("https", "api.example.com", 443) is None


def test_a_call_outside_goes_through_the_proxy_and_one_behind_the_wall_does_not_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Companies reach the world through one; the wall knows no exception for it."""

    async def run() -> None:
        async with raw(response(b'{"through":"the proxy"}')) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("http://", "http://me:pass%21word@"))
            http = Http("http://api.example.com/v1", headers={}, errors=Translator("acme", clock=time.time))
            reply = await http.send("/x", body={}, local=False, connect_s=2)
            assert await reply.read() == b'{"through":"the proxy"}'
            await reply.aclose()
            assert proxy.requests[0].replace(b":80/", b"/").startswith(b"POST http://api.example.com/v1/x HTTP/1.1")
            assert b"proxy-authorization: basic bwu6cgfzcyf3b3jk" in proxy.requests[0].lower()
            with pytest.raises(LocalOnlyViolation):
                await http.send("/x", body={}, local=True, connect_s=2)
            await http.aclose()
            assert len(proxy.requests) == 1

    asyncio.run(run())


def test_a_proxy_that_is_not_there_is_unavailable_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's addresses hold passwords."""
    monkeypatch.setenv("HTTP_PROXY", "http://me:hunter2@127.0.0.1:9")

    async def run() -> None:
        http = Http("http://api.example.com/v1", headers={}, errors=Translator("acme", clock=time.time))
        with pytest.raises(Unavailable) as caught:
            await http.send("/x", local=False, connect_s=2)
        assert "hunter2" not in str(caught.value)
        await http.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "socks://127.0.0.1:9", "nonsense://me:hunter2@x"])
def test_a_proxy_of_another_kind_says_what_to_install_or_unset(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """A desktop's settings often name a SOCKS proxy."""
    monkeypatch.setenv("ALL_PROXY", proxy)

    async def run() -> None:
        http = Http("http://api.example.com/v1", headers={}, errors=Translator("acme", clock=time.time))
        with pytest.raises(RoutebookError) as caught:
            await http.send("/x", local=False, connect_s=2)
        assert isinstance(caught.value, SetupNeeded | Unavailable)
        assert "hunter2" not in str(caught.value)
        await http.aclose()

    asyncio.run(run())
