"""Messages, from our side."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from calls import KEY, Got, call, collect, served
from rawserver import events, raw, response

from routebook.backends.anthropic import request_body
from routebook.backends.registry import open_backend
from routebook.config.scripted import Chaos
from routebook.config.values import Model, Provider
from routebook.errors import AuthFailed, BadRequest, ProviderError, RateLimited, Refused, StreamBroken, Unavailable
from routebook.messages import Message, Params

START = {
    "type": "message_start",
    "message": {"usage": {"input_tokens": 10, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 85, "output_tokens": 1}},
}
STOP = {"type": "message_stop"}


def text(said: str, kind: str = "text") -> dict[str, Any]:
    """A piece of text, or of thinking."""
    return {"type": "content_block_delta", "index": 0, "delta": {"type": f"{kind}_delta", kind: said}}


def end(reason: str, **delta: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    """How the answer ends."""
    return {"type": "message_delta", "delta": {"stop_reason": reason, **delta}, "usage": {"output_tokens": 42}}


def stream(*values: Any) -> bytes:  # noqa: ANN401  JSON
    """An event stream."""
    return events(*(json.dumps(value) for value in values))


def answered(answer: bytes, **options: Any) -> Got:  # noqa: ANN401  fields of Call
    """What the backend makes of an answer."""

    async def run() -> Got:
        async with raw(answer) as server:
            backend = open_backend("acme", Provider(kind="anthropic", base_url=server.url), key=KEY, models={})
            try:
                return await collect(backend, call(**options))
            finally:
                await backend.aclose()

    return asyncio.run(run())


def body(model: str = "claude-sonnet-4-5", *, max_output: int | None = None, **params: Any) -> dict[str, Any]:  # noqa: ANN401
    """The request body."""
    return request_body(call(model_id=model, system="Be brief.", params=Params(**params)), max_output=max_output)


def test_the_system_s_words_stand_apart_and_a_limit_is_always_sent() -> None:
    """The format wants both."""
    sent = body()
    assert sent["system"] == "Be brief."
    assert sent["messages"] == [{"role": "user", "content": "hello there"}]
    assert sent["max_tokens"] == 4096
    assert body(max_output=8192)["max_tokens"] == 8192
    assert body(max_output=8192, max_tokens=7)["max_tokens"] == 7
    assert "temperature" not in sent
    assert "thinking" not in sent


def test_only_users_and_assistants_speak() -> None:
    """Other roles are refused by the API."""
    turns = (
        Message(role="system", content="a"),
        Message(role="system", content="b"),
        Message(role="tool", content="c"),
        Message(role="assistant", content="d"),
    )
    sent = request_body(call(messages=turns))
    assert sent["system"] == "a\n\nb"
    assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant"]


def test_parameters_have_their_names() -> None:
    """Extra has the last word."""
    sent = body(
        stop=("x",), temperature=1.5, json_schema={"type": "object"}, extra={"top_k": 3, "output_config": {"effort": "low"}}, seed=1
    )
    assert (sent["stop_sequences"], sent["temperature"], sent["top_k"]) == (("x",), 1.0, 3)
    assert sent["output_config"] == {"format": {"type": "json_schema", "schema": {"type": "object"}}, "effort": "low"}
    assert "seed" not in sent


@pytest.mark.parametrize(
    ("model", "max_tokens", "thinking"),
    [
        ("claude-sonnet-4-5-20250929", 4000, {"type": "enabled", "budget_tokens": 2000}),
        ("claude-sonnet-4-5", 1500, {"type": "enabled", "budget_tokens": 1024}),
        ("claude-sonnet-4-5", 1000, None),
        ("claude-3-7-sonnet-latest", 4000, {"type": "enabled", "budget_tokens": 2000}),
        ("claude-opus-4-20250514", 4000, {"type": "enabled", "budget_tokens": 2000}),
        ("claude-opus-4-6", 1000, {"type": "adaptive", "display": "summarized"}),
        ("claude-opus-4-8-20260501", 1000, {"type": "adaptive", "display": "summarized"}),
        ("claude-sonnet-5", 1000, {"type": "adaptive", "display": "summarized"}),
        ("anthropic/claude-opus-4.7", 1000, {"type": "adaptive", "display": "summarized"}),
        ("minimax-m2.5", 4000, {"type": "enabled", "budget_tokens": 2000}),
    ],
)
def test_thinking_is_switched_on_in_the_way_the_model_knows(model: str, max_tokens: int, thinking: Any) -> None:  # noqa: ANN401
    """Models up to 4.5 refuse the new switch, models from 4.7 on the old one."""
    sent = body(model, max_tokens=max_tokens, think="on", temperature=0.5)
    assert sent.get("thinking") == thinking
    if thinking and thinking["type"] == "enabled":
        assert sent["thinking"]["budget_tokens"] < sent["max_tokens"]
        assert "temperature" not in sent


def test_thinking_can_be_switched_off() -> None:
    """The newest models think unless told otherwise."""
    assert body("claude-sonnet-5", think="off")["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    ("model", "kept"),
    [
        ("claude-3-5-haiku", {"temperature", "top_p"}),
        ("claude-sonnet-4-5", {"temperature"}),
        ("claude-opus-4-7", set()),
        ("claude-sonnet-5", set()),
        ("qwen", {"temperature", "top_p"}),
    ],
)
def test_sampling_is_sent_only_to_models_that_take_it(model: str, kept: set[str]) -> None:
    """From 4.7 on any value is refused, from 4.0 on both at once."""
    assert {"temperature", "top_p"} & set(body(model, temperature=0.2, top_p=0.9)) == kept


def test_a_stream_is_read_with_what_was_cached() -> None:
    """Anthropic counts cached input beside the rest; ours counts it in."""
    thinking = {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}
    signature = {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "x"}}
    got = answered(
        stream(
            START,
            thinking,
            text("hm", "thinking"),
            signature,
            {"type": "ping"},
            text("Fo"),
            text("ur"),
            {"type": "new"},
            end("end_turn"),
            STOP,
        )
    )
    assert (got.thinking, got.text, got.finish.reason) == ("hm", "Four", "stop")
    assert (got.finish.usage.input_tokens, got.finish.usage.cached_tokens, got.finish.usage.output_tokens) == (100, 85, 42)


@pytest.mark.parametrize(
    ("reason", "ours"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "stop"),
    ],
)
def test_reasons_to_stop_become_ours(reason: str, ours: str) -> None:
    """`length` is what escalates."""
    assert answered(stream(START, text("a"), end(reason), STOP)).finish.reason == ours
    assert answered(stream(START, text("a"), end(reason))).finish.reason == ours


def test_a_whole_answer_is_read() -> None:
    """Not every route streams."""
    value = {
        "type": "message",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "4"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }
    got = answered(response(json.dumps(value).encode(), headers="anthropic-ratelimit-requests-remaining: 4\r\n"), stream=False)
    assert (got.thinking, got.text, got.finish.usage.input_tokens) == ("hm", "4", 3)
    assert got.finish.headers == {"anthropic-ratelimit-requests-remaining": "4"}


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (stream(START, text("a")), StreamBroken, "before its end was said"),
        (stream(START, STOP), StreamBroken, "empty"),
        (stream(START, end("end_turn"), STOP), StreamBroken, "empty"),
        (stream(START, text("a"), {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}), StreamBroken, "Overloaded"),
        (stream({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}), Unavailable, "Overloaded"),
        (stream({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}), RateLimited, "slow"),
        (stream({"type": "error", "error": {"type": "authentication_error", "message": "key"}}), AuthFailed, "key"),
        (response(b'{"error":{"code":404,"message":"no such model","type":"not_found_error"}}', status=404), BadRequest, "no such model"),
        (events("{"), StreamBroken, "malformed"),
        (response(b""), StreamBroken, "empty"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_an_error_of_the_kind_that_fits(answer: bytes, kind: type[ProviderError], says: str) -> None:
    """llama.cpp's server sends OpenAI's errors on this path, too."""
    with pytest.raises(ProviderError) as caught:
        answered(answer)
    assert type(caught.value) is kind
    assert says in str(caught.value)


def test_a_refusal_carries_its_category_and_its_explanation() -> None:
    """The user reads why, the books keep the category."""
    details = {"category": "cyber", "explanation": "This could harm others."}
    with pytest.raises(Refused, match="This could harm others") as caught:
        answered(stream(START, text("I"), end("refusal", stop_details=details), STOP))
    assert caught.value.category == "cyber"
    with pytest.raises(Refused, match="declined"):
        answered(stream(START, end("refusal"), STOP))


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_the_address_may_end_in_the_version_or_not(ending: str) -> None:
    """People copy both from documentation."""

    async def run() -> list[str]:
        async with served("anthropic", script=Chaos(reply="Four.")) as (server, _):
            model = Model(provider="acme", id="claude-x", max_output=99)
            backend = open_backend("acme", Provider(kind="anthropic", base_url=server.url + ending), key=KEY, models={"c": model})
            await collect(backend, call(model_id="claude-x"))
            assert server.seen.calls[0].json()["max_tokens"] == 99
            assert server.seen.calls[0].headers["x-api-key"] == KEY
            assert server.seen.calls[0].headers["anthropic-version"] == "2023-06-01"
            assert [one.id for one in await backend.list_models()] == ["chaos"]
            await backend.aclose()
            return [one.path for one in server.seen.calls]

    assert asyncio.run(run()) == ["/v1/messages"]
