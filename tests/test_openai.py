"""Chat Completions, from our side: what is sent, and what its variants on the wire mean."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from calls import KEY, Got, call, collect, served
from rawserver import events, raw, response

from routebook.backends.dialects import dialect_of
from routebook.backends.openai import request_body
from routebook.backends.registry import open_backend
from routebook.config.scripted import Chaos
from routebook.config.values import Provider
from routebook.errors import ProviderError, RateLimited, Refused, StreamBroken, Unavailable
from routebook.messages import Delta, Message, Params

DONE = "[DONE]"


def chunk(delta: Any = None, *, reason: str | None = None, **more: Any) -> str:  # noqa: ANN401  JSON
    """One chunk of a stream."""
    return json.dumps({"id": "1", "choices": [{"index": 0, "delta": delta or {}, "finish_reason": reason}], **more})


def answered(answer: bytes, **options: Any) -> Got:  # noqa: ANN401  fields of Call
    """What the backend makes of an answer."""

    async def run() -> Got:
        async with raw(answer) as server:
            backend = open_backend("acme", Provider(kind="openai", base_url=server.url), key=KEY, models={})
            try:
                return await collect(backend, call(**options))
            finally:
                await backend.aclose()

    return asyncio.run(run())


def body(of: Any = None, *, host: str = "127.0.0.1", **params: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """The request body, as JSON would have it."""
    made = request_body(of or call(params=Params(**params)), dialect=dialect_of(host))
    return json.loads(json.dumps(made, default=lambda message: {"role": message.role, "content": message.content}))  # type: ignore[no-any-return]


def test_a_plain_request_asks_for_nothing_that_was_not_asked_for() -> None:
    """What is not said is left to the model; forced temperatures are a known plague."""
    assert body() == {
        "model": "m", "messages": [{"role": "user", "content": "hello there"}], "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip


def test_all_parameters_have_their_place() -> None:
    """Each is named as the format names it, and `extra` has the last word."""
    schema = {"type": "object"}
    sent = body(
        max_tokens=5, temperature=0.0, top_p=0.5, stop=("a", "b"), seed=7, think="off", json_schema=schema, extra={"seed": 8, "top_k": 3}
    )
    assert sent["max_tokens"] == 5
    assert (sent["temperature"], sent["top_p"], sent["stop"], sent["seed"], sent["top_k"]) == (0.0, 0.5, ["a", "b"], 8, 3)
    assert sent["response_format"] == {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    assert sent["chat_template_kwargs"] == {"enable_thinking": False}


def test_a_whole_answer_is_asked_for_without_the_options_of_a_stream() -> None:
    """Servers refuse stream_options without a stream."""
    sent = body(call(stream=False))
    assert sent["stream"] is False
    assert "stream_options" not in sent


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("api.openai.com", {"max_completion_tokens": 5, "reasoning_effort": "none", "seed": 1}),
        ("x.openai.azure.com", {"max_completion_tokens": 5, "reasoning_effort": "none", "seed": 1}),
        ("api.mistral.ai", {"max_tokens": 5, "random_seed": 1, "reasoning_effort": "none"}),
        ("openrouter.ai", {"max_tokens": 5, "seed": 1, "reasoning": {"enabled": False}}),
        ("evil-api.openai.com.example.com", {"max_tokens": 5, "seed": 1, "chat_template_kwargs": {"enable_thinking": False}}),
    ],
)
def test_each_host_is_spoken_to_in_its_dialect(host: str, expected: dict[str, Any]) -> None:
    """OpenAI refuses max_tokens, Mistral refuses seed, and each has its own switch for thinking."""
    sent = body(host=host, max_tokens=5, seed=1, think="off")
    assert {name: value for name, value in sent.items() if name not in ("model", "messages", "stream", "stream_options")} == expected
    assert ("stream_options" in sent) is (host != "api.mistral.ai")


def test_thinking_can_be_kept_across_turns() -> None:
    """The third of three switches."""
    assert body(think="keep")["chat_template_kwargs"] == {"enable_thinking": True, "preserve_thinking": True, "clear_thinking": False}


def test_a_stream_is_read_with_its_usage() -> None:
    """The plain case."""

    async def run() -> Got:
        async with served(script=Chaos(reply="Four is the answer.")) as (server, backend):
            got = await collect(backend, call(system="Be brief."))
            assert server.seen.calls[0].headers["authorization"] == f"Bearer {KEY}"
            assert server.seen.calls[0].json()["messages"][0] == {"role": "system", "content": "Be brief."}
            return got

    got = asyncio.run(run())
    assert got.text == "Four is the answer."
    assert len(got.deltas) == 4
    assert got.finish.reason == "stop"
    assert (got.finish.usage.input_tokens, got.finish.usage.output_tokens) == (5, 4)


def test_a_whole_answer_comes_as_one_delta() -> None:
    """A route may want it in one piece."""

    async def run() -> Got:
        async with served(script=Chaos(reply="Four is the answer.")) as (_, backend):
            return await collect(backend, call(stream=False, params=Params(max_tokens=2)))

    got = asyncio.run(run())
    assert got.deltas == (Delta(text="Four is"),)
    assert got.finish.reason == "length"
    assert got.finish.usage.output_tokens == 2


def test_usage_counts_what_was_cached_and_what_was_thought_and_the_reported_price_wins() -> None:
    """OpenRouter reports what it charged; its comment lines are no data."""
    usage = {
        "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, "cost": 0.00123,
        "prompt_tokens_details": {"cached_tokens": 64}, "completion_tokens_details": {"reasoning_tokens": 30},
    }  # fmt: skip
    stream = events(chunk({"content": "a"}), chunk(reason="stop"), json.dumps({"choices": [], "usage": usage}), DONE)
    got = answered(stream.replace(b"\r\n\r\n", b"\r\n\r\n: OPENROUTER PROCESSING\n\n", 1))
    found = got.finish.usage
    assert (found.input_tokens, found.cached_tokens, found.output_tokens, found.thinking_tokens) == (100, 64, 50, 30)
    assert found.cost_usd == Decimal("0.00123")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 45}, (10, 35)),  # xAI, Gemini: thinking only in the total
        ({"prompt_tokens": 10.0, "completion_tokens": "5"}, (10, None)),
        ({"prompt_tokens": -1, "completion_tokens": None}, (None, None)),
        ({"prompt_tokens": True}, (None, None)),
        ("many", (None, None)),
        ([], (None, None)),
        (None, (None, None)),
    ],
)
def test_usage_that_cannot_be_believed_is_unknown(usage: Any, expected: tuple[int | None, int | None]) -> None:  # noqa: ANN401
    """Unknown is estimated later; a wrong figure would be booked."""
    got = answered(events(chunk({"content": "a"}, reason="stop", usage=usage), DONE))
    assert (got.finish.usage.input_tokens, got.finish.usage.output_tokens) == expected


def test_groq_s_usage_is_found_in_its_own_field() -> None:
    """Groq sends it there even when nobody asks."""
    got = answered(
        events(
            chunk({"content": "a"}), chunk(reason="stop", x_groq={"id": "r", "usage": {"prompt_tokens": 7, "completion_tokens": 1}}), DONE
        )
    )
    assert (got.finish.usage.input_tokens, got.finish.usage.output_tokens) == (7, 1)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content", "thinking"])
def test_thinking_aloud_is_told_from_the_answer(name: str) -> None:
    """Each server has its own name for it."""
    got = answered(events(chunk({name: "hm, ", "content": None}), chunk({name: "so"}), chunk({"content": "4"}), chunk(reason="stop"), DONE))
    assert (got.thinking, got.text) == ("hm, so", "4")


def test_the_same_thought_under_two_names_counts_once() -> None:
    """Some gateways send both, for every client."""
    assert (
        answered(events(chunk({"reasoning": "hm", "reasoning_content": "hm"}), chunk({"content": "4"}, reason="stop"), DONE)).thinking
        == "hm"
    )


def test_content_in_parts_is_read() -> None:
    """Mistral's thinking models send typed parts."""
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "4"}]
    got = answered(events(chunk({"content": parts}), chunk(reason="stop"), DONE))
    assert (got.thinking, got.text) == ("hm", "4")


def test_the_limit_headers_come_with_the_finish() -> None:
    """Quotas are learned from answers too."""
    headers = "x-ratelimit-remaining-requests: 9\r\nX-RateLimit-Reset-Tokens: 6m0s\r\nset-cookie: a=b\r\n"
    got = answered(response(b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}', headers=headers), stream=False)
    assert got.finish.headers == {"x-ratelimit-remaining-requests": "9", "x-ratelimit-reset-tokens": "6m0s"}


def test_llama_cpp_s_timings_become_seconds() -> None:
    """They tell slow prompts from slow answers."""
    got = answered(events(chunk({"content": "a"}, reason="stop", timings={"prompt_ms": 250, "predicted_ms": 1500.0}), DONE))
    assert got.finish.timings == {"prompt_s": 0.25, "generate_s": 1.5}


@pytest.mark.parametrize(
    "answer",
    [
        events(chunk({"content": "a"}), chunk(reason="stop")),  # no [DONE], but the end was said
        events(chunk({"content": "a"}), chunk(reason="stop"), DONE, "what follows the end"),
        events(chunk({"content": "a"}, reason="stop"), DONE)[:-2],  # no blank line at the end
        events(json.dumps({"choices": None}), chunk({"content": "a", "role": None}), json.dumps({"choices": [], "usage": None}), chunk(reason="stop"), DONE),
        events(chunk({"content": "a"}), chunk(reason="eos"), DONE),
        events(json.dumps({"choices": [{"delta": None}]}), chunk({"content": "a"}, reason="stop", error=None), DONE),
        response(b'{"choices":[{"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}'),  # a server that cannot stream
        events(chunk({"content": "a"}), chunk(reason="stop"), DONE).replace(b"text/event-stream", b"text/event-stream; charset=utf-8"),
        events(chunk({"content": "a"}), chunk(reason="stop"), DONE).replace(b"content-type: text/event-stream\r\n", b""),
        events(chunk({"content": "a"}), chunk(reason="stop"), DONE).replace(b"\n", b"\r\n").replace(b"\r\r\n", b"\r\n"),
    ],
)  # fmt: skip
def test_oddities_that_leave_no_doubt_are_taken_as_they_are_meant(answer: bytes) -> None:
    """Compatible servers are compatible in their own ways."""
    got = answered(answer)
    assert (got.text, got.finish.reason) == ("a", "stop")


def test_a_connection_that_breaks_after_the_end_was_said_does_no_harm() -> None:
    """The answer is whole."""
    broken = events(chunk({"content": "a"}), chunk(reason="stop")).replace(
        b"connection: close", b"transfer-encoding: chunked\r\nconnection: close"
    )
    head, _, rest = broken.partition(b"\r\n\r\n")
    assert answered(head + b"\r\n\r\n%x\r\n%b\r\n" % (len(rest), rest)).text == "a"


def test_a_connection_that_breaks_before_the_end_says_so() -> None:
    """What broke it is the first thing one wants to know."""
    broken = events(chunk({"content": "a"})).replace(b"connection: close", b"transfer-encoding: chunked\r\nconnection: close")
    head, _, rest = broken.partition(b"\r\n\r\n")
    with pytest.raises(StreamBroken, match="the connection broke"):
        answered(head + b"\r\n\r\n%x\r\n%b\r\n" % (len(rest), rest))


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (events(chunk({"content": "a"})), StreamBroken, "before its end was said"),
        (events(chunk({"content": "a"}), DONE), StreamBroken, "before its end was said"),
        (events(), StreamBroken, "empty"),
        (events(DONE), StreamBroken, "empty"),
        (events(chunk({"content": ""}), chunk(reason="stop"), DONE), StreamBroken, "empty"),
        (events(chunk({"reasoning": "hm"}), chunk(reason="stop"), DONE), StreamBroken, "empty"),
        (events(chunk({"content": "a"}), '{"choices":['), StreamBroken, "malformed"),
        (events("null"), StreamBroken, "malformed"),
        (events(json.dumps({"choices": [{"delta": {}, "finish_reason": 7}]})), StreamBroken, "malformed"),
        (events(chunk({"content": "a"}), json.dumps({"error": {"message": "upstream died", "code": 502}})), StreamBroken, "upstream died"),
        (events(chunk({"content": "a"}), chunk(reason="error", error={"code": 502, "message": "upstream died"})), StreamBroken, "upstream died"),
        (events(chunk({"content": "a"}), chunk(reason="error"), DONE), StreamBroken, ""),
        (events(json.dumps({"error": {"message": "busy", "code": 503}})), Unavailable, "busy"),
        (events(json.dumps({"error": {"message": "slow down, try again in 3s", "code": 429}})), RateLimited, "slow down"),
        (events(chunk({"content": "a"}), chunk(x_groq={"error": "over capacity"})), StreamBroken, "over capacity"),
        (response(b'{"error":{"message":"no credits","code":402}}'), RateLimited, "no credits"),
        (response(b""), StreamBroken, "empty"),
        (response(b"[]"), StreamBroken, "malformed"),
        (response(b"<html><title>Sign in</title></html>", content_type="text/html"), StreamBroken, "Sign in"),
        (events(chunk({"refusal": "I cannot "}), chunk({"refusal": "do that."}), chunk(reason="stop"), DONE), Refused, "I cannot do that."),
        (events(chunk({"content": "Well, "}), chunk(reason="content_filter"), DONE), Refused, "filter"),
        (events(json.dumps({"error": {"message": "blocked", "code": "content_filter"}})), Refused, "blocked"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_an_error_of_the_kind_that_fits(answer: bytes, kind: type[ProviderError], says: str) -> None:
    """Half an answer, an empty one or an error in the place of one must never pass for an answer."""
    with pytest.raises(ProviderError) as caught:
        answered(answer)
    assert type(caught.value) is kind
    assert says in str(caught.value)


def test_a_refusal_is_raised_after_the_words_that_explain_it() -> None:
    """The user reads why."""

    async def run() -> list[str]:
        async with raw(events(chunk({"refusal": "I cannot "}), chunk({"refusal": "do that."}), chunk(reason="stop"), DONE)) as server:
            backend = open_backend("acme", Provider(kind="openai", base_url=server.url), key=KEY, models={})
            events_of, texts = backend.stream(call()), []
            for _ in range(2):
                event = await anext(events_of)
                assert isinstance(event, Delta)
                texts.append(event.text)
            with pytest.raises(Refused):
                await anext(events_of)
            await backend.aclose()
            return texts

    assert asyncio.run(run()) == ["I cannot ", "do that."]


def test_thinking_that_the_limit_cut_off_is_an_answer_cut_by_its_limit() -> None:
    """The model thought as long as it was allowed to; a larger limit helps, another try does not."""
    got = answered(events(chunk({"reasoning": "hm"}), chunk(reason="length"), DONE))
    assert (got.text, got.thinking, got.finish.reason) == ("", "hm", "length")


def test_calls_of_tools_are_content() -> None:
    """An answer may have nothing but them."""
    tool = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]}
    assert answered(events(chunk({"content": None, **tool}), chunk(reason="tool_calls"), DONE)).finish.reason == "tool_calls"
    assert answered(events(chunk({"content": "", **tool}), chunk(reason="tool_calls"), DONE)).finish.reason == "tool_calls"


def test_the_connection_is_used_again_after_a_stream() -> None:
    """What follows [DONE] has to be read, or every call would cost a connection."""

    async def run() -> int:
        async with served() as (server, backend):
            for _ in range(4):
                await collect(backend, call())
            return server.seen.connections

    assert asyncio.run(run()) == 1


def test_a_server_that_leaves_the_connection_open_after_the_end_holds_nobody_up() -> None:
    """Some do."""

    async def run() -> float:
        open_end = events(chunk({"content": "a"}), chunk(reason="stop"), DONE).replace(b"connection: close", b"transfer-encoding: chunked")
        head, _, rest = open_end.partition(b"\r\n\r\n")
        async with raw(head + b"\r\n\r\n%x\r\n%b\r\n" % (len(rest), rest)) as server:
            backend = open_backend("acme", Provider(kind="openai", base_url=server.url), key=KEY, models={})
            start = asyncio.get_running_loop().time()
            assert (await collect(backend, call())).text == "a"
            await backend.aclose()
            return asyncio.get_running_loop().time() - start

    assert asyncio.run(run()) < 10


def test_a_conversation_is_sent_in_its_order() -> None:
    """History is the user's."""
    turns = tuple(Message(role=role, content=role) for role in ("system", "user", "assistant", "user"))
    assert [message["role"] for message in body(call(messages=turns))["messages"]] == ["system", "user", "assistant", "user"]
