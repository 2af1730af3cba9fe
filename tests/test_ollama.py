"""Ollama through its official client."""

# ruff: noqa: S104 - addresses that servers bind to are data here

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import ollama
import pytest
from calls import KEY, Got, call, collect, served
from ollama_server import ollama_server
from rawserver import raw, response
from weights_here import real_weights

from routebook.backends.ollama_host import host_url
from routebook.backends.registry import open_backend
from routebook.backends.sse import MAX_EVENT_BYTES
from routebook.config.scripted import Chaos, Fault
from routebook.config.values import Model, Provider
from routebook.errors import BadRequest, ContextOverflow, ProviderError, StreamBroken, Unavailable
from routebook.messages import Delta, Params


def line(content: str = "", *, is_done: bool = False, **more: Any) -> bytes:  # noqa: ANN401  JSON
    """One line of a stream."""
    return (
        json.dumps(
            {
                "model": "m",
                "created_at": "2026-01-01T00:00:00Z",
                "message": {"role": "assistant", "content": content, **more.pop("message", {})},
                "done": is_done,
                **more,
            }
        ).encode()
        + b"\n"
    )


def lines(*given: bytes) -> bytes:
    """A stream."""
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n" + b"".join(given)


def answered(answer: bytes, **options: Any) -> Got:  # noqa: ANN401  fields of Call
    """What the backend makes of an answer."""

    async def run() -> Got:
        async with raw(answer) as server:
            backend = open_backend("acme", Provider(kind="ollama", base_url=server.url), key=None, models={})
            try:
                return await collect(backend, call(**options))
            finally:
                await backend.aclose()

    return asyncio.run(run())


def sent(*, context: int | None = None, text: str = "hello", **params: Any) -> dict[str, Any]:  # noqa: ANN401
    """The request body that arrives."""

    async def run() -> Any:  # noqa: ANN401
        async with served("ollama") as (server, _):
            models = {"x": Model(provider="acme", id="m", context=context)}
            backend = open_backend("acme", Provider(kind="ollama", base_url=server.url), key=None, models=models)
            await collect(backend, call(text, params=Params(**params)))
            await backend.aclose()
            return server.seen.calls[0].json()

    return asyncio.run(run())


def test_a_prompt_is_never_shortened_without_a_word() -> None:
    """By default Ollama drops what does not fit, history first, and says nothing."""
    assert (sent()["truncate"], sent()["shift"]) == (False, False)


def test_parameters_have_their_names() -> None:
    """Of extra, what Ollama knows at the top goes there, the rest into options."""
    body = sent(
        max_tokens=5,
        temperature=0.0,
        top_p=0.5,
        stop=("x",),
        seed=3,
        think="on",
        json_schema={"type": "object"},
        extra={"keep_alive": "10m", "num_gpu": 1, "options": {"top_k": 4}},
    )
    assert body["options"] == {"num_predict": 5, "temperature": 0.0, "top_p": 0.5, "stop": ["x"], "seed": 3, "num_gpu": 1, "top_k": 4}
    assert (body["think"], body["format"], body["keep_alive"]) == (True, {"type": "object"}, "10m")
    assert sent(think="off")["think"] is False
    assert "think" not in sent()


@pytest.mark.parametrize(
    ("context", "n_words", "window"),
    [(None, 9000, None), (131_072, 100, None), (131_072, 9000, 16384), (131_072, 20_000, 32768), (8192, 9000, 8192)],
)
def test_the_window_grows_with_the_prompt_up_to_what_is_configured(context: int | None, n_words: int, window: int | None) -> None:
    """Ollama's own window is 4,096 tokens; a whole 131,072 for every prompt would fill the memory, and each change loads the model again."""
    assert sent(context=context, text="word " * n_words)["options"].get("num_ctx") == window


def test_a_stream_is_read_with_its_times() -> None:
    """Nanoseconds become seconds; what is zero is left out on the wire."""
    got = answered(
        lines(
            line("", message={"thinking": "hm"}),
            line("Fo"),
            line("ur"),
            line(is_done=True, done_reason="stop", load_duration=2_000_000_000, eval_count=7),
        )
    )
    assert (got.thinking, got.text, got.finish.reason) == ("hm", "Four", "stop")
    assert got.finish.timings == {"load_s": 2.0}
    assert (got.finish.usage.input_tokens, got.finish.usage.output_tokens) == (None, 7)


def test_calls_of_tools_are_content() -> None:
    """Their arguments are an object here."""
    tool = {"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}
    assert answered(lines(line(message=tool), line(is_done=True, done_reason="stop"))).finish.reason == "tool_calls"


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (lines(line("a")), StreamBroken, "before its end was said"),  # Ollama stops a model that repeats itself like this
        (lines(), StreamBroken, "empty"),
        (lines(line(is_done=True, done_reason="stop")), StreamBroken, "empty"),
        (lines(line("a"), b'{"error":"an error was encountered while running the model"}\n'), StreamBroken, "while running the model"),
        (lines(b'{"error":"model runner has unexpectedly stopped"}\n'), Unavailable, "unexpectedly stopped"),
        (lines(line("a"), b'{"message":\n'), StreamBroken, "malformed"),
        (lines(b"[]\n"), StreamBroken, "malformed"),
        (lines(b'{"message":7}\n'), StreamBroken, "malformed"),
        (lines(line("a"), b"\n"), StreamBroken, "malformed"),
        (lines(b"x" * (MAX_EVENT_BYTES + 2)), StreamBroken, "larger"),
        (response(b"<html>", content_type="text/html"), StreamBroken, "text/html"),
        (response(b'{"error":"model \'m\' not found"}', status=404), BadRequest, "ollama pull"),
        (response(b'{"error":"server busy, please try again.  maximum pending requests exceeded"}', status=503), Unavailable, "server busy"),
        (response(b'{"error":"the input length exceeds the context length"}', status=400), ContextOverflow, "Set context of the model"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_an_error_of_the_kind_that_fits(answer: bytes, kind: type[ProviderError], says: str) -> None:
    """The client raises its own errors, builtin ones and validation errors; none of them may come through."""
    with pytest.raises(ProviderError) as caught:
        answered(answer)
    assert type(caught.value) is kind
    assert says in str(caught.value)


def test_nobody_listening_says_how_to_start_it() -> None:
    """The most usual of all errors."""

    async def run(*, stream: bool) -> None:
        backend = open_backend("mac", Provider(kind="ollama", base_url="http://127.0.0.1:9"), key=None, models={})
        with pytest.raises(Unavailable, match=r"mac: 127\.0\.0\.1:9 does not answer.*ollama serve"):
            await collect(backend, call(stream=stream))
        with pytest.raises(Unavailable, match="ollama serve"):
            await backend.list_models()
        await backend.aclose()

    asyncio.run(run(stream=True))
    asyncio.run(run(stream=False))


def test_the_key_in_the_environment_is_not_sent_to_whoever_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client sends $OLLAMA_API_KEY to any host; ours is sent only where one is configured."""
    monkeypatch.setenv("OLLAMA_API_KEY", "sk-from-the-environment")

    async def run(key: str | None) -> str | None:
        async with served("ollama", key=key) as (server, backend):
            await collect(backend, call())
            return server.seen.calls[0].headers.get("authorization")

    assert asyncio.run(run(None)) is None
    assert asyncio.run(run(KEY)) == f"Bearer {KEY}"


def test_models_are_listed_with_size_and_what_is_loaded() -> None:
    """Doctor and the default routes choose by them; what only embeds is left out."""

    async def run() -> None:
        details = {"details": {"parameter_size": "8.0B"}}
        tags = {
            "models": [
                {"name": "a", "size": 5, **details},
                {"name": "b", "capabilities": ["embedding"]},
                {"name": "c", "details": None},
                {"no": "name"},
            ]
        }
        async with raw(response(json.dumps(tags).encode())) as server:
            backend = open_backend("acme", Provider(kind="ollama", base_url=server.url), key=None, models={})
            found = await backend.list_models()
            assert [(one.id, one.size_bytes, one.parameters, one.is_loaded) for one in found] == [
                ("a", 5, "8.0B", True),
                ("c", None, None, True),
            ]
            assert {request.split()[1] for request in server.requests} == {b"/api/tags", b"/api/ps"}
            await backend.aclose()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:11434"), ("0.0.0.0", "http://127.0.0.1:11434"), ("0.0.0.0:8080", "http://127.0.0.1:8080"), (":5000", "http://127.0.0.1:5000"),
        ("box", "http://box:11434"), ("box:80", "http://box:80"), ("http://box", "http://box"), ("https://box/path/", "https://box/path"),
        ("https://box:8443", "https://box:8443"), ("[::1]", "http://[::1]:11434"), ("[::]:9", "http://[::1]:9"), ("http://0.0.0.0:11434", "http://127.0.0.1:11434"),
        (" localhost ", "http://localhost:11434"), ("box:port", "box:port"),
    ],
)  # fmt: skip
def test_the_address_is_read_as_ollama_reads_it(text: str, url: str) -> None:
    """People set $OLLAMA_HOST for the server, often to all addresses."""
    assert host_url(text) == url


def test_the_official_client_takes_the_scripted_server_for_ollama() -> None:
    """Or the tests above would prove nothing."""

    async def run() -> None:
        async with served("ollama", script=Chaos(reply="Four is it."), models={"tiny:1b": Chaos(reply="Four is it.")}) as (server, _):
            client = ollama.AsyncClient(host=server.url)
            parts = [part async for part in await client.chat("tiny:1b", [{"role": "user", "content": "2+2"}], stream=True)]
            assert "".join(part.message.content or "" for part in parts) == "Four is it."
            assert parts[-1].done
            assert parts[-1].eval_count == 3
            whole = await client.chat("tiny:1b", [{"role": "user", "content": "2+2"}], options={"num_predict": 2})
            assert (whole.message.content, whole.done_reason) == ("Four is", "length")
            assert [one.model for one in (await client.list()).models] == ["tiny:1b"]
            assert [one.model for one in (await client.ps()).models] == ["tiny:1b"]
            await client.close()  # type: ignore[no-untyped-call] # the client's
        async with served("ollama", faults=[Fault(kind="error_inside", after_tokens=2)]) as (server, _):
            client = ollama.AsyncClient(host=server.url)
            with pytest.raises(ollama.ResponseError) as caught:
                _ = [part async for part in await client.chat("m", [{"role": "user", "content": "x"}], stream=True)]
            assert caught.value.status_code == -1
            await client.close()  # type: ignore[no-untyped-call]

    asyncio.run(run())


def test_the_real_model_answers_through_ollama_s_protocol() -> None:
    """Real inference, real tokens, the official client: what a user's Ollama does, except for its engine."""
    gguf = real_weights()

    async def run() -> None:
        async with ollama_server(gguf) as server:
            client = ollama.AsyncClient(host=server.url)
            assert [one.model for one in (await client.list()).models] == ["smollm2:135m"]
            assert not (await client.ps()).models
            backend = open_backend("mac", Provider(kind="ollama", base_url=server.url), key=None, models={})
            short = Params(max_tokens=12, temperature=0.0, seed=1)
            got = await collect(backend, call("What is the capital of France?", model_id="smollm2:135m", params=short, local=True))
            assert got.text.strip()
            assert len(got.deltas) > 2
            assert got.finish.usage.input_tokens and got.finish.usage.input_tokens > 10  # noqa: PT018 - unknown or too few
            assert got.finish.timings["generate_s"] > 0
            whole = await collect(backend, call("What is the capital of France?", model_id="smollm2:135m", params=short, stream=False))
            assert whole.text == got.text
            assert whole.finish.reason == got.finish.reason
            assert [(one.id, one.is_loaded, one.parameters) for one in await backend.list_models()] == [("smollm2:135m", True, "134.52M")]
            schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
            asked = call("Name a city as JSON.", model_id="smollm2:135m", params=Params(max_tokens=40, json_schema=schema, temperature=0.0))
            assert set(msgspec.json.decode((await collect(backend, asked)).text)) == {"city"}
            with pytest.raises(ContextOverflow, match="Set context"):
                await collect(backend, call("word " * 4000, model_id="smollm2:135m"))
            with pytest.raises(BadRequest, match="does not support thinking"):
                await collect(backend, call("x", model_id="smollm2:135m", params=Params(think="on")))
            with pytest.raises(BadRequest, match="ollama pull"):
                await collect(backend, call("x", model_id="other"))
            events = backend.stream(call("Tell me a very long story.", model_id="smollm2:135m", params=Params(max_tokens=500)))
            assert isinstance(await anext(events), Delta)
            await events.aclose()
            await backend.aclose()
            await client.close()  # type: ignore[no-untyped-call]

    asyncio.run(run())
