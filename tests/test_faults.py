"""Every fault in every wire format, streamed and whole, over real sockets: each ends in one error of the kind that fits, or in an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from calls import KEY, WIRES, Got, call, collect, served
from rawserver import raw, response

from routebook.backends.registry import open_backend
from routebook.config.scripted import Fault
from routebook.config.values import Provider
from routebook.errors import (
    AuthFailed,
    BadRequest,
    ContextOverflow,
    ProviderError,
    RateLimited,
    Refused,
    StreamBroken,
    Unavailable,
)  # fmt: skip

KINDS: dict[str, type[ProviderError]] = {
    "rate_limit": RateLimited, "server_error": Unavailable, "overloaded": Unavailable, "refused_connection": Unavailable,
    "stall": StreamBroken, "cut": StreamBroken, "malformed": StreamBroken, "oversized": StreamBroken, "wrong_content_type": StreamBroken,
    "empty": StreamBroken, "error_inside": StreamBroken, "refusal": Refused, "context_overflow": ContextOverflow, "auth": AuthFailed,
    "not_found": BadRequest, "redirect": BadRequest, "bad_framing": StreamBroken,
}  # fmt: skip
STATUS = {"rate_limit": 429, "server_error": 500, "context_overflow": 400, "auth": 401, "not_found": 404}
INSIDE = ("stall", "cut", "malformed", "oversized", "error_inside")


def hit(wire: str, fault: Fault, *, stream: bool) -> tuple[ProviderError | Got, int]:
    """What one call to a misbehaving server comes to, and how many deltas came first."""
    n_deltas = 0

    async def run() -> ProviderError | Got:
        nonlocal n_deltas
        async with served(wire, faults=[fault]) as (server, backend):
            try:
                deltas = []
                async for event in backend.stream(call(stream=stream)):
                    deltas.append(event)
                    n_deltas = len(deltas)
                *texts, finish = deltas
                return Got("", "", finish, tuple(texts))  # type: ignore[arg-type] # deltas, then a finish
            except ProviderError as error:
                return error
            finally:
                await asyncio.sleep(0.02)
                assert server.seen.attempts == 1, "a backend must not try again by itself"
                assert server.seen.concurrent == 0

    return asyncio.run(run()), n_deltas


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wire", WIRES)
def test_each_fault_becomes_the_error_that_fits(wire: str, kind: str, stream: bool) -> None:  # noqa: FBT001
    """The engine's reactions hang on these types, whichever provider they come from."""
    if (wire, kind) == ("ollama", "refusal"):
        pytest.skip("Ollama has no sign for a refusal: its words are all there is")
    error, n_deltas = hit(wire, Fault(kind=kind, retry_after_s=2.5, delay_s=0.03), stream=stream)  # type: ignore[arg-type] # names of faults
    expected = Unavailable if kind == "error_inside" and not stream else KINDS[kind]
    assert type(error) is expected, error
    assert error.provider == "acme"
    assert KEY not in str(error)
    if kind in STATUS:
        assert error.status == STATUS[kind]
    if kind == "rate_limit":
        assert error.retry_after_s == 2.5
    if kind == "overloaded":
        assert error.status == (529 if wire == "anthropic" else 503)
        assert error.retry_after_s == 2.5
    if stream:
        assert n_deltas == (3 if kind in INSIDE else n_deltas)
        assert (n_deltas > 0) == (kind in INSIDE or (kind == "refusal" and wire != "gemini"))


@pytest.mark.parametrize("wire", WIRES)
def test_a_fault_inside_before_the_first_token_is_told_by_its_kind(wire: str) -> None:
    """Nothing was shown yet, so the stream did not break: the provider was not available."""
    error, n_deltas = hit(wire, Fault(kind="error_inside", after_tokens=0), stream=True)
    assert (type(error), n_deltas) == (Unavailable, 0)


@pytest.mark.parametrize("form", ["seconds", "ms", "date", "body", "reset", "page"])
@pytest.mark.parametrize("wire", WIRES)
def test_a_stated_time_is_read_in_every_form(wire: str, form: str) -> None:
    """Providers and the proxies before them use all of these."""

    async def run() -> float | None:
        async with served(wire, faults=[Fault(kind="rate_limit", retry_after_s=7)], wait_forms=[form]) as (_, backend):
            with pytest.raises(RateLimited) as caught:
                await collect(backend, call())
            return caught.value.retry_after_s

    stated = asyncio.run(run())
    assert stated is not None
    assert 6.9 <= stated <= 8 if form in ("date", "reset") else stated == 7


@pytest.mark.parametrize("wrong_s", [-7200, 7200])
def test_a_date_is_right_even_when_a_clock_is_not(wrong_s: float) -> None:
    """A server's clock that jumps, or ours: only the difference of its two dates counts."""

    async def run() -> float | None:
        limit = Fault(kind="rate_limit", retry_after_s=7)
        async with served(faults=[limit], wait_forms=["date"], clock=lambda: time.time() + wrong_s) as (_, backend):
            with pytest.raises(RateLimited) as caught:
                await collect(backend, call())
            return caught.value.retry_after_s

    stated = asyncio.run(run())
    assert stated is not None
    assert 7 <= stated <= 8


@pytest.mark.parametrize("body", [b'{"\x80": 1}', b"[" * 100_000, b'{"error":' * 20_000], ids=["no UTF-8", "lists", "errors"])
@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream", "application/x-ndjson"])
@pytest.mark.parametrize("wire", WIRES)
def test_what_no_decoder_reads_breaks_the_stream_and_nothing_else(wire: str, content_type: str, body: bytes) -> None:
    """The JSON decoder has errors of its own for bad UTF-8 and for endless nesting; both once went through to the cell."""

    async def run() -> None:
        said = b"data: " + body + b"\n\n" if content_type == "text/event-stream" else body
        async with raw(response(said, content_type=content_type)) as server:
            backend = open_backend("acme", Provider(kind=wire, base_url=server.url), key=KEY, models={})  # type: ignore[arg-type] # a wire's name is a kind
            with pytest.raises(StreamBroken):
                await collect(backend, call(stream="json" not in content_type))
            await backend.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("wire", WIRES)
def test_a_late_answer_is_an_answer(wire: str) -> None:
    """Waiting, and giving up, is the engine's business."""
    got, _ = hit(wire, Fault(kind="slow_first_token", delay_s=0.05), stream=False)
    assert isinstance(got, Got)
    assert got.finish.reason == "stop"


def cancelled(wire: str, fault: Fault, *, how: Callable[[asyncio.Task[None]], object], stream: bool = True) -> float:
    """Seconds from giving up to the server seeing the connection closed."""

    async def run() -> float:
        async with served(wire, faults=[fault]) as (server, backend):
            task = asyncio.create_task(consume(backend))
            async with asyncio.timeout(10):
                while not server.seen.concurrent:  # noqa: ASYNC110 - the server has no event to wait for
                    await asyncio.sleep(0.005)
            await asyncio.sleep(0.05)
            start = asyncio.get_running_loop().time()
            how(task)
            await asyncio.gather(task, return_exceptions=True)
            while not server.seen.disconnects:
                await asyncio.sleep(0.002)
                assert asyncio.get_running_loop().time() - start < 20
            return server.seen.disconnects[0] - start

    async def consume(backend: object) -> None:
        await collect(backend, call(stream=stream))  # type: ignore[arg-type] # a backend

    return asyncio.run(run())


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("kind", ["stall", "slow_first_token"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_cancelling_closes_the_connection_at_once(wire: str, kind: str, stream: bool) -> None:  # noqa: FBT001
    """The stop button must stop the meter, too: the provider sees that nobody listens."""
    assert cancelled(wire, Fault(kind=kind), how=asyncio.Task.cancel, stream=stream) < 5  # type: ignore[arg-type] # names of faults


@pytest.mark.parametrize("wire", WIRES)
def test_closing_the_iterator_closes_the_connection_at_once(wire: str) -> None:
    """A user who breaks out of a loop has had enough."""

    async def run() -> float:
        async with served(wire, faults=[Fault(kind="stall", after_tokens=2)]) as (server, backend):
            events = backend.stream(call())
            await anext(events)
            start = asyncio.get_running_loop().time()
            await events.aclose()
            while not server.seen.disconnects:
                await asyncio.sleep(0.002)
                assert asyncio.get_running_loop().time() - start < 20
            return server.seen.disconnects[0] - start

    assert asyncio.run(run()) < 5


@pytest.mark.parametrize("wire", WIRES)
def test_many_calls_at_once_do_not_mix(wire: str) -> None:
    """One client, many streams: each caller gets its own answer."""

    async def run() -> None:
        async with served(wire) as (server, backend):
            results = await asyncio.gather(*(collect(backend, call(f"prompt {n}", stream=n % 2 == 0)) for n in range(60)))
            assert len({result.text for result in results}) == 60
            assert server.seen.attempts == server.seen.outcomes["ok"] == 60
            assert sum(result.finish.usage.output_tokens or 0 for result in results) == server.seen.output_tokens

    asyncio.run(run())
