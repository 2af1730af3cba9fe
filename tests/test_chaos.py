"""The scripted server: what it promises to tests, and the provider kind that runs it."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time

import httpx
import msgspec
import pytest
from calls import KEY, WIRES, call, collect, served
from hypothesis import given
from hypothesis import strategies as st
from served import until

from routebook.backends.chaos.backend import ChaosBackend
from routebook.backends.chaos.http1 import BadHttp, HttpRequest, RequestReader
from routebook.backends.chaos.script import Asked, Script
from routebook.backends.chaos.server import ChaosServer
from routebook.backends.registry import open_backend
from routebook.config.scripted import Chaos, Fault
from routebook.config.values import Model, Provider
from routebook.errors import AuthFailed, RateLimited, Unavailable
from routebook.messages import Delta, Params


def faults_of(script: Chaos, n: int = 200, *, model: str = "m") -> list[str | None]:
    """The faults of the first calls to a model."""
    acts = Script(script)
    drawn = [acts.act(Asked(model=model, is_stream=True)) for _ in range(n)]
    return [act.fault.kind if act.fault else None for act in drawn]


def test_the_same_seed_plays_the_same_run() -> None:
    """A failure that cannot be repeated cannot be mended."""
    script = Chaos(seed=3, faults=(Fault(kind="cut", p=0.3), Fault(kind="rate_limit", p=0.3)))
    first = faults_of(script)
    assert first == faults_of(script)
    assert first != faults_of(msgspec.structs.replace(script, seed=4))
    assert first != faults_of(script, model="other")


def test_each_fault_hits_its_share_of_the_calls() -> None:
    """Of two that would hit, the first does."""
    kinds = faults_of(Chaos(faults=(Fault(kind="cut", p=0.25), Fault(kind="stall", p=0.5))), 2000)
    assert 0.2 < kinds.count("cut") / 2000 < 0.3
    assert 0.33 < kinds.count("stall") / 2000 < 0.42


def test_a_fault_can_end_after_the_first_calls() -> None:
    """A model that recovers."""
    assert faults_of(Chaos(faults=(Fault(kind="cut", first=2),)), 4) == ["cut", "cut", None, None]
    assert faults_of(Chaos(faults=(Fault(kind="cut", first=2), Fault(kind="stall", first=3))), 4) == ["cut", "cut", "stall", None]


def test_words_come_from_the_seed_and_replies_from_the_script() -> None:
    """Different calls get different words, so that mixed-up streams are seen."""
    script = Script(Chaos(tokens=5), models={"fixed": Chaos(reply="Two  words.\n")})
    texts = ["".join(script.act(Asked(model="m", is_stream=True)).tokens) for _ in range(10)]
    assert len(set(texts)) == 10
    assert "".join(script.act(Asked(model="fixed", is_stream=True)).tokens) == "Two  words.\n"
    cut = script.act(Asked(model="fixed", is_stream=True, max_tokens=1))
    assert (cut.tokens, cut.is_cut, cut.output_tokens) == (["Two"], True, 1)
    assert script.act(Asked(model="m", is_stream=True, max_tokens=0)).tokens == []


def test_random_usage_never_exceeds_what_a_caller_can_reserve() -> None:
    """Input never more than was sent, output never more than was allowed: above it no budget could hold."""
    script = Script(Chaos(tokens=5), random_usage=True)
    acts = [script.act(Asked(model="m", is_stream=True, max_tokens=50, n_chars=400)) for _ in range(300)]
    assert all(1 <= act.input_tokens <= 100 and 1 <= act.output_tokens <= 50 for act in acts)
    assert len({act.output_tokens for act in acts}) > 20


def test_it_counts_attempts_and_the_most_at_once() -> None:
    """The truth that limits are checked against."""

    async def run() -> None:
        async with served(script=Chaos(latency_s=1.0)) as (server, backend):
            await asyncio.gather(*(collect(backend, call(f"{n}", model_id="ab"[n % 2])) for n in range(10)))
            seen = server.seen
            assert (seen.attempts, seen.peak_concurrent, seen.concurrent) == (10, 10, 0)
            assert (seen.attempts_by_model, seen.peak_by_model) == ({"a": 5, "b": 5}, {"a": 5, "b": 5})
            assert seen.outcomes == {"ok": 10}
            assert sorted(one.json()["messages"][0]["content"] for one in seen.calls) == sorted(map(str, range(10)))
            assert seen.bytes_in > 0
            assert seen.bytes_out > 0
            assert all(one.ended_s and one.ended_s - one.time_s >= 1.0 for one in seen.calls)

    asyncio.run(run())


def test_it_tells_a_client_that_left_from_one_that_was_cut_off() -> None:
    """Both end a connection early; only one of them is the client's doing."""

    async def run() -> None:
        async with served(faults=[Fault(kind="cut", first=1), Fault(kind="stall", first=2)]) as (server, backend):
            with pytest.raises(Exception, match="broke"):
                await collect(backend, call())
            events = backend.stream(call())
            await anext(events)
            await events.aclose()
            await until(lambda: server.seen.disconnects)
            assert server.seen.outcomes == {"cut": 1, "disconnected": 1}
            assert len(server.seen.disconnects) == 1

    asyncio.run(run())


def test_it_notices_who_comes_back_too_early() -> None:
    """The same body before the stated time is an early retry; another body, or a later time, is not."""

    async def run() -> None:
        async with served(faults=[Fault(kind="rate_limit", retry_after_s=30, first=1)]) as (server, backend):
            with pytest.raises(RateLimited):
                await collect(backend, call("a"))
            await collect(backend, call("b"))
            assert server.seen.early_retries == 0
            await collect(backend, call("a"))
            assert server.seen.early_retries == 1
            assert 0 < server.seen.calls[-1].early_s <= 30
        async with served(faults=[Fault(kind="rate_limit", retry_after_s=0.3, first=1)]) as (server, backend):
            with pytest.raises(RateLimited):
                await collect(backend, call("a"))
            await asyncio.sleep(0.35)
            await collect(backend, call("a"))
            assert (server.seen.attempts, server.seen.early_retries) == (2, 0)

    asyncio.run(run())


def test_limits_are_kept_and_what_exceeds_them_is_counted() -> None:
    """Requests over a limit are answered as a provider answers them."""

    async def run() -> None:
        async with served(script=Chaos(latency_s=1.0), max_concurrent=3) as (server, backend):
            results = await asyncio.gather(*(collect(backend, call(f"{n}")) for n in range(5)), return_exceptions=True)
            assert sum(isinstance(one, RateLimited) for one in results) == server.seen.over_limit == 2
        async with served(rpm=3) as (server, backend):
            for _ in range(3):
                await collect(backend, call())
            with pytest.raises(RateLimited) as caught:
                await collect(backend, call())
            assert caught.value.retry_after_s is not None
            assert 55 < caught.value.retry_after_s <= 60
            assert server.seen.over_limit == 1

    asyncio.run(run())


@pytest.mark.parametrize("wire", WIRES)
def test_a_key_is_asked_for_in_the_way_of_each_format(wire: str) -> None:
    """A missing key must be seen, also when models are listed."""

    async def run() -> None:
        async with served(wire, key="wrong-key-0123456", server_key=KEY) as (server, backend):
            with pytest.raises(AuthFailed):
                await collect(backend, call())
            with pytest.raises(AuthFailed):
                await backend.list_models()
            right = open_backend("acme", Provider(kind=wire, base_url=server.url), key=KEY, models={})  # type: ignore[arg-type] # a wire's name is a kind
            assert (await collect(right, call())).text
            assert [one.id for one in await right.list_models()] == ["chaos"]
            await right.aclose()

    asyncio.run(run())


def test_tokens_come_at_the_pace_of_the_script() -> None:
    """Slow models are what queues and timeouts are for."""

    async def run() -> list[float]:
        loop = asyncio.get_running_loop()
        async with served(script=Chaos(tokens=5, tokens_per_s=50, latency_s=0.1)) as (_, backend):
            start = loop.time()
            return [loop.time() - start async for event in backend.stream(call()) if isinstance(event, Delta)]

    times = asyncio.run(run())
    assert times[0] >= 0.1
    assert times[-1] - times[0] >= 4 / 50 * 0.9


def test_one_server_speaks_all_formats() -> None:
    """One port is enough for a test of fallbacks between providers."""

    async def run() -> None:
        server = ChaosServer(Chaos(reply="Four."))
        await server.start()
        for wire in WIRES:
            backend = open_backend(wire, Provider(kind=wire, base_url=server.url_for(wire)), key=None, models={})  # type: ignore[arg-type] # a wire's name is a kind
            assert (await collect(backend, call())).text == "Four."
            await backend.aclose()
        assert server.seen.attempts == 4
        await server.aclose()

    asyncio.run(run())


def test_what_is_no_request_of_a_format_is_refused() -> None:
    """A mistake of ours must not pass for an answer."""

    async def run() -> None:
        server = ChaosServer()
        await server.start()
        root = server.url.removesuffix("/v1")
        async with httpx.AsyncClient() as client:
            assert (await client.post(f"{root}/v1/chat/completions", content=b"{")).status_code == 400
            assert (await client.post(f"{root}/v1/chat/completions", json={"model": "m"})).status_code == 400
            assert (await client.post(f"{root}/v1/messages", json={"model": "m", "messages": []})).status_code == 400
            assert (await client.get(f"{root}/nothing")).status_code == 404
            assert (await client.get(f"{root}/api/version")).json() == {"version": "0.0.0"}
        assert server.seen.attempts == 0
        await server.aclose()

    asyncio.run(run())


def test_a_chaos_provider_starts_its_server_with_the_first_call() -> None:
    """From routing.toml alone; a model may have a script of its own."""

    async def run() -> None:
        script = Chaos(reply="Four.", wire="anthropic")
        models = {
            "good": Model(provider="chaos", id="good"),
            "bad": Model(provider="chaos", id="bad", chaos=Chaos(faults=(Fault(kind="overloaded", retry_after_s=3),))),
            "of another": Model(provider="other", id="else"),
        }
        backend = open_backend("chaos", Provider(kind="chaos", chaos=script), key=None, models=models)
        assert isinstance(backend, ChaosBackend)
        both = await asyncio.gather(*(collect(backend, call(model_id="good", local=True)) for _ in range(2)))
        assert {one.text for one in both} == {"Four."}
        with pytest.raises(Unavailable) as caught:
            await collect(backend, call(model_id="bad"))
        assert (caught.value.status, caught.value.retry_after_s) == (529, 3)
        assert sorted(one.id for one in await backend.list_models()) == ["bad", "good"]
        assert backend.seen.attempts == 3
        await backend.aclose()
        await open_backend("chaos", Provider(kind="chaos"), key=None, models={}).aclose()

    asyncio.run(run())


def test_it_runs_by_itself_and_ends_with_its_input() -> None:
    """Benchmarks want it in a process of its own."""
    command = [sys.executable, "-m", "routebook.backends.chaos", '{"reply": "Four."}']
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        urls = json.loads(process.stdout.readline())
        answer = httpx.post(urls["openai"] + "/chat/completions", json={"model": "m", "messages": []}).json()
        assert answer["choices"][0]["message"]["content"] == "Four."
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_thousand_streams_at_once_are_served() -> None:
    """Benchmarks lean on it; it must not be what they measure."""

    async def run() -> float:
        async with served() as (server, backend):
            start = time.monotonic()
            results = await asyncio.gather(
                *(collect(backend, call(f"{n}", params=Params(max_tokens=20), connect_s=60)) for n in range(1000))
            )
            assert server.seen.outcomes == {"ok": len(results)}
            return time.monotonic() - start

    assert asyncio.run(run()) < 30


REQUEST = b"POST /v1/x?y=z HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodyGET / HTTP/1.1\r\n\r\n"


@given(cuts=st.lists(st.integers(0, len(REQUEST)), max_size=5))
def test_requests_are_the_same_wherever_they_are_cut(cuts: list[int]) -> None:
    """A network cuts anywhere."""
    reader = RequestReader()
    places = sorted({0, len(REQUEST), *cuts})
    found: list[HttpRequest] = []
    for start, end in itertools.pairwise(places):
        request = reader.feed(REQUEST[start:end])
        while request is not None:
            found.append(request)
            request = reader.feed(b"")
    assert [(one.method, one.path, one.body) for one in found] == [("POST", "/v1/x", b"body"), ("GET", "/", b"")]
    assert found[0].headers == {"host": "a", "content-length": "4"}


@given(
    data=st.binary(max_size=200)
    | st.from_regex(rb"(GET|POST) /[a-z]* HTTP/1\.[01]\r\n([a-z-]{1,14}: ?[a-z0-9]{0,8}\r\n){0,3}\r\n.{0,9}", fullmatch=True)
)
def test_no_bytes_raise_anything_but_a_bad_request(data: bytes) -> None:
    """A port on loopback can be reached by any program of the machine."""
    try:
        RequestReader().feed(data)
    except BadHttp:
        return


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n\r\n",
        b"GET x HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"a" * 70_000,
    ],
)
def test_what_it_does_not_take_is_refused_and_not_guessed(data: bytes) -> None:
    """Strictness here finds our own mistakes."""
    with pytest.raises(BadHttp):
        RequestReader().feed(data)
