"""generateContent, from our side."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from calls import KEY, Got, call, collect, served
from rawserver import events, raw, response

from routebook.backends.gemini import request_body
from routebook.backends.registry import open_backend
from routebook.config.scripted import Chaos
from routebook.config.values import Provider
from routebook.errors import ProviderError, RateLimited, Refused, StreamBroken, Unavailable
from routebook.messages import Message, Params


def part(text: str, *, reason: str | None = None, thought: bool | None = None, **more: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    """One event."""
    inner = {"text": text, **({"thought": thought} if thought is not None else {})}
    return {"candidates": [{"content": {"parts": [inner], "role": "model"}, **({"finishReason": reason} if reason else {})}], **more}


def stream(*values: Any) -> bytes:  # noqa: ANN401  JSON
    """An event stream."""
    return events(*(json.dumps(value) for value in values))


def answered(answer: bytes, **options: Any) -> Got:  # noqa: ANN401  fields of Call
    """What the backend makes of an answer."""

    async def run() -> Got:
        async with raw(answer) as server:
            backend = open_backend("acme", Provider(kind="gemini", base_url=server.url), key=KEY, models={})
            try:
                return await collect(backend, call(**options))
            finally:
                await backend.aclose()

    return asyncio.run(run())


def body(model: str = "gemini-2.5-flash", **params: Any) -> dict[str, Any]:  # noqa: ANN401
    """The request body."""
    return request_body(call(model_id=model, params=Params(**params)))


def test_turns_and_parameters_have_their_names() -> None:
    """Extra has the last word, also inside of generationConfig."""
    turns = (
        Message(role="system", content="s"),
        Message(role="user", content="u"),
        Message(role="assistant", content="a"),
        Message(role="user", content="v"),
    )
    params = Params(
        max_tokens=5,
        temperature=0.0,
        top_p=0.5,
        seed=3,
        stop=("x",),
        json_schema={"type": "object"},
        extra={"generationConfig": {"topK": 4}},
    )
    sent = request_body(call(messages=turns, params=params))
    assert [turn["role"] for turn in sent["contents"]] == ["user", "model", "user"]
    assert sent["systemInstruction"] == {"parts": [{"text": "s"}]}
    assert sent["generationConfig"] == {
        "maxOutputTokens": 5, "temperature": 0.0, "topP": 0.5, "seed": 3, "stopSequences": ("x",),
        "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}, "topK": 4,
    }  # fmt: skip
    assert body() == {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]}


@pytest.mark.parametrize(
    ("model", "think", "config"),
    [
        ("gemini-2.5-flash", "off", {"thinkingBudget": 0}), ("gemini-2.5-pro", "off", {"thinkingBudget": 128}),
        ("gemini-3.5-flash", "off", {"thinkingLevel": "minimal"}), ("gemini-3-pro-preview", "off", {"thinkingLevel": "low"}),
        ("gemini-3.5-flash", "on", {"includeThoughts": True}), ("gemini-2.5-pro", "keep", {"includeThoughts": True}),
    ],
)  # fmt: skip
def test_thinking_is_switched_in_the_way_the_model_knows(model: str, think: Any, config: dict[str, Any]) -> None:  # noqa: ANN401
    """A budget up to 2.5, a level from 3 on; the wrong one is refused."""
    assert body(model, think=think)["generationConfig"]["thinkingConfig"] == config


def test_the_key_is_in_a_header_and_the_model_in_the_path() -> None:
    """Addresses are logged along the way."""

    async def run() -> None:
        async with served("gemini", script=Chaos(reply="Four.")) as (server, backend):
            for name in ("gemini-3.5-flash", "models/gemini-3.5-flash"):
                await collect(backend, call(model_id=name))
            await collect(backend, call(model_id="tunedModels/x y", stream=False))
            assert [one.path for one in server.seen.calls] == [
                "/v1beta/models/gemini-3.5-flash:streamGenerateContent", "/v1beta/models/gemini-3.5-flash:streamGenerateContent",
                "/v1beta/models/tunedModels/x%20y:generateContent",
            ]  # fmt: skip
            assert all(one.headers["x-goog-api-key"] == KEY for one in server.seen.calls)

    asyncio.run(run())


def test_a_stream_is_read_and_thoughts_count_as_output() -> None:
    """Gemini counts them apart; they are paid as output."""
    usage = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 30,
        "totalTokenCount": 137,
    }
    got = answered(stream(part("hm", thought=True), part("Fo"), part("ur", reason="STOP", usageMetadata=usage)))
    assert (got.thinking, got.text, got.finish.reason) == ("hm", "Four", "stop")
    found = got.finish.usage
    assert (found.input_tokens, found.cached_tokens, found.output_tokens, found.thinking_tokens) == (100, 60, 37, 30)


def test_whole_answers_and_arrays_of_them_are_read() -> None:
    """Without alt=sse a stream is an array."""
    assert answered(response(json.dumps(part("4", reason="STOP")).encode()), stream=False).text == "4"
    assert answered(response(json.dumps([part("4"), part("2", reason="MAX_TOKENS")]).encode())).finish.reason == "length"


@pytest.mark.parametrize(
    ("answer", "category"),
    [
        (stream({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}), "PROHIBITED_CONTENT"),
        (response(b'{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{}}'), "SAFETY"),
        (stream(part("We"), {"candidates": [{"finishReason": "SAFETY"}]}), "SAFETY"),
        (stream({"candidates": [{"content": {}, "finishReason": "RECITATION"}]}), "RECITATION"),
        (stream({"candidates": [{"content": {"parts": None}, "finishReason": "SPII"}]}), "SPII"),
    ],
)
def test_every_way_to_block_is_a_refusal(answer: bytes, category: str) -> None:
    """The prompt may be blocked, or the answer on its way."""
    with pytest.raises(Refused) as caught:
        answered(answer)
    assert caught.value.category == category


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (stream(part("a")), StreamBroken, "before its end was said"),
        (stream(), StreamBroken, "empty"),
        (stream(part("", reason="STOP")), StreamBroken, "empty"),
        (stream({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}), StreamBroken, "MALFORMED_FUNCTION_CALL"),
        (stream(part("a"), {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}), StreamBroken, "overloaded"),
        (stream(part("a")) + b'{\n  "error": {\n    "code": 503,\n    "message": "gone"\n  }\n}\n', StreamBroken, "gone"),
        (events() + b'{\n  "error": {\n    "code": 429,\n    "message": "slow"\n  }\n}\n', RateLimited, "slow"),
        (response(b'[{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}]', status=503), Unavailable, "overloaded"),
        (response(b'[{"error":{"code":429,"message":"slow"}}]'), RateLimited, "slow"),
        (events("{"), StreamBroken, "malformed"),
        (response(b" "), StreamBroken, "empty"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_an_error_of_the_kind_that_fits(answer: bytes, kind: type[ProviderError], says: str) -> None:
    """Errors come as events, as arrays, and bare between events."""
    with pytest.raises(ProviderError) as caught:
        answered(answer)
    assert type(caught.value) is kind
    assert says in str(caught.value)


def test_a_call_of_a_function_is_content() -> None:
    """An answer may be nothing else."""
    value = {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {}}}]}, "finishReason": "STOP"}]}
    assert answered(stream(value)).finish.reason == "tool_calls"


def test_only_models_that_answer_are_listed() -> None:
    """Gemini lists embedders and painters, too."""

    async def run() -> list[str]:
        listing = {
            "models": [
                {"name": "models/a", "supportedGenerationMethods": ["generateContent"]},
                {"name": "models/b", "supportedGenerationMethods": ["embedContent"]},
                {"name": "models/c"},
            ]
        }
        async with raw(response(json.dumps(listing).encode())) as server:
            backend = open_backend("acme", Provider(kind="gemini", base_url=server.url), key=KEY, models={})
            found = await backend.list_models()
            await backend.aclose()
            return [one.id for one in found]

    assert asyncio.run(run()) == ["a", "c"]
