"""Tools on the wire: how each format tells a model of them, how their calls come, and how their results go back."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest
from calls import WIRES, Got, call, collect, served
from weights_here import real_weights

from routebook.backends.dialects import dialect_of
from routebook.backends.openai_answer import OpenAIAnswer
from routebook.backends.openai_turns import turns
from routebook.backends.registry import open_backend
from routebook.backends.translate import Translator
from routebook.config.scripted import Chaos, ScriptedCall
from routebook.config.values import Provider
from routebook.messages import Call, Delta, Message, Params, ToolCall, ToolSpec

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
    "required": ["city"],
}
WEATHER = ToolSpec(name="weather", description="The weather of a city.", parameters=SCHEMA)
BOTH = (ScriptedCall(name="weather", arguments={"city": "Paris"}), ScriptedCall(name="weather", arguments={"city": "Köln", "days": 2}))
SCRIPT = Chaos(reply="It rains in both.", calls=(BOTH,))


def results(first: Got) -> tuple[Message, ...]:
    """What goes back after the first answer: the calls, and a result for each."""
    calls = tuple(msgspec.structs.replace(one, id=one.id or f"own_{at}") for at, one in enumerate(first.finish.calls))
    asked = Message(role="assistant", content=first.text, calls=calls, echo=first.finish.echo)
    told = [Message(role="tool", content=f"rain in {at}", call_id=one.id, name=one.name, is_error=at == 1) for at, one in enumerate(calls)]
    return (asked, *told)


async def two_steps(wire: str, *, is_stream: bool, script: Chaos = SCRIPT) -> tuple[Got, Got, dict[str, Any]]:
    """The answer that asks for tools, the one after their results, and the body that carried these."""
    async with served(wire, script=script) as (server, backend):
        first = await collect(backend, call(tools=(WEATHER,), stream=is_stream))
        again = call(tools=(WEATHER,), stream=is_stream)
        again = msgspec.structs.replace(again, messages=(*again.messages, *results(first)))
        second = await collect(backend, again)
        return first, second, server.seen.calls[-1].json()


@pytest.mark.parametrize("is_stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("wire", WIRES)
def test_calls_come_whole_and_their_results_lead_to_the_answer(wire: str, is_stream: bool) -> None:  # noqa: FBT001  parametrized
    """Two calls at once, with letters outside of ASCII, in pieces or not: whatever the format, the engine sees the same."""
    first, second, _ = asyncio.run(two_steps(wire, is_stream=is_stream))
    assert first.finish.reason == "tool_calls"
    assert [one.name for one in first.finish.calls] == ["weather", "weather"]
    assert [msgspec.json.decode(one.arguments) for one in first.finish.calls] == [{"city": "Paris"}, {"city": "Köln", "days": 2}]
    assert second.text == "It rains in both."
    assert second.finish.reason == "stop"
    assert second.finish.calls == ()


@pytest.mark.parametrize("wire", WIRES)
def test_a_schema_reaches_the_model_as_it_is(wire: str) -> None:
    """Ollama's client would drop all that it does not know of a schema, and the model would guess."""

    async def sent() -> str:
        async with served(wire, script=SCRIPT) as (server, backend):
            await collect(backend, call(tools=(WEATHER,)))
            return server.seen.calls[-1].body.decode()

    assert msgspec.json.encode(SCHEMA).decode() in asyncio.run(sent())


@pytest.mark.parametrize("wire", WIRES)
def test_a_model_that_may_call_no_more_answers(wire: str) -> None:
    """The last step of a bounded loop must end in an answer."""

    async def ask() -> Got:
        async with served(wire, script=SCRIPT) as (_, backend):
            return await collect(backend, call(tools=(WEATHER,), may_call=False))

    assert asyncio.run(ask()).text == "It rains in both."


@pytest.mark.parametrize("wire", WIRES)
def test_pieces_of_a_call_are_heard(wire: str) -> None:
    """Long arguments without a word of text must not look like a model that does not answer."""
    first, _, _ = asyncio.run(two_steps(wire, is_stream=True))
    assert any(delta.kind == "call" for delta in first.deltas)
    assert first.text == ""


@pytest.mark.parametrize("wire", WIRES)
def test_what_is_said_before_a_call_is_kept_and_goes_back(wire: str) -> None:
    """Models explain what they are about to do."""
    script = msgspec.structs.replace(SCRIPT, preamble="Let me look.")
    first, second, body = asyncio.run(two_steps(wire, is_stream=True, script=script))
    assert first.text == "Let me look."
    assert "Let me look." in str(body)
    assert second.text == "It rains in both."


def test_anthropic_gets_its_thoughts_back_with_their_signatures() -> None:
    """Without them a thinking model's next call is refused; the empty text that came with them would be refused too."""
    for is_stream in (True, False):
        _, _, body = asyncio.run(two_steps("anthropic", is_stream=is_stream))
        [_, asked, told] = body["messages"]
        thought = next(block for block in asked["content"] if block["type"] == "thinking")
        assert thought == {"type": "thinking", "thinking": "A tool will know.", "signature": "signed-0"}
        assert [block["type"] for block in asked["content"]] == ["thinking", "tool_use", "tool_use"]
        assert asked["content"][2]["input"] == {"city": "Köln", "days": 2}
        assert [(block["tool_use_id"], block.get("is_error")) for block in told["content"]] == [("toolu_0_0", None), ("toolu_0_1", True)]


def test_gemini_gets_its_signatures_back() -> None:
    """Gemini 3 refuses a call that comes back without the signature it came with."""
    _, _, body = asyncio.run(two_steps("gemini", is_stream=True))
    [_, asked, told] = body["contents"]
    assert [part.get("thoughtSignature") for part in asked["parts"]] == ["signed-0", None]
    assert [next(iter(part["functionResponse"]["response"])) for part in told["parts"]] == ["result", "error"]


FOREIGN = (
    Message(role="assistant", content="", calls=(ToolCall(id="call:0/ä", name="weather", arguments='{"city": "Pa'),)),
    Message(role="tool", content="no such city", call_id="call:0/ä", name="weather", is_error=True),
)


async def body_of(wire: str, of: Call) -> dict[str, Any]:
    """What a backend sends for a call."""
    async with served(wire, script=SCRIPT) as (server, backend):
        await collect(backend, of)
        sent: dict[str, Any] = server.seen.calls[-1].json()
        return sent


def after_foreign(**more: Any) -> Call:  # noqa: ANN401  fields of Call
    """A call that goes on where another provider's model failed, after arguments that are no JSON."""
    begun = call(tools=(WEATHER,), **more)
    return msgspec.structs.replace(begun, messages=(*begun.messages, *FOREIGN))


def test_another_providers_calls_are_put_in_words_that_each_format_takes() -> None:
    """A fallback in the middle of a loop goes on with what the first model asked for, broken arguments and odd ids among it."""
    anthropic = asyncio.run(body_of("anthropic", after_foreign(params=Params(think="on"))))
    assert anthropic["messages"][1]["content"] == [{"type": "tool_use", "id": "call_0__", "name": "weather", "input": {}}]
    assert "thinking" not in anthropic, "thoughts that another model had cannot be signed"
    gemini = asyncio.run(body_of("gemini", after_foreign()))
    assert gemini["contents"][1]["parts"][0]["thoughtSignature"] == "skip_thought_signature_validator"
    openai = asyncio.run(body_of("openai", after_foreign()))
    assert openai["messages"][1]["tool_calls"][0]["function"]["arguments"] == "{}"
    ollama = asyncio.run(body_of("ollama", after_foreign()))
    assert ollama["messages"][1]["tool_calls"] == [{"function": {"name": "weather", "arguments": {}}}]
    assert ollama["messages"][2]["tool_name"] == "weather"


def test_mistral_gets_ids_of_nine_letters() -> None:
    """It refuses all others, and the call may be another provider's."""
    asked, told = turns(FOREIGN, dialect=dialect_of("api.mistral.ai"))
    assert isinstance(asked, dict)
    assert isinstance(told, dict)
    [one] = asked["tool_calls"]
    assert one["id"] == told["tool_call_id"]
    assert one["id"].isalnum()
    assert len(one["id"]) == 9


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        # Gemini's compatible endpoint gives all calls the index 0
        ([{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}, {"index": 0, "id": "b", "function": {"name": "g", "arguments": "{}"}}], ["f", "g"]),
        # others give none
        ([{"id": "a", "function": {"name": "f", "arguments": "{}"}}, {"id": "b", "function": {"name": "g", "arguments": "{}"}}], ["f", "g"]),
        # or arguments as an object, or no arguments
        ([{"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}}, {"index": 1, "id": "b", "function": {"name": "g"}}], ["f", "g"]),
        # or repeat the id with every piece
        ([{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}, {"index": 0, "id": "a", "function": {"arguments": "}"}}], ["f"]),
    ],
)  # fmt: skip
def test_the_ways_in_which_servers_number_calls_are_told_apart(pieces: list[dict[str, Any]], expected: list[str]) -> None:
    """Everything that says it is compatible, and is nearly."""
    answer = OpenAIAnswer(Translator("acme", clock=time.time))
    deltas: list[Delta] = []
    for piece in pieces:
        deltas += answer.feed(msgspec.json.encode({"choices": [{"delta": {"tool_calls": [piece]}}]}))
    answer.feed(b'{"choices": [{"delta": {}, "finish_reason": "stop"}]}')
    finish = answer.finish()
    assert finish.reason == "tool_calls", "some say stop"
    assert [one.name for one in finish.calls] == expected
    assert all(isinstance(msgspec.json.decode(one.arguments or "{}"), dict) for one in finish.calls)
    assert {delta.kind for delta in deltas} == {"call"}


def test_a_call_that_was_cut_is_none() -> None:
    """Half of its arguments may mean another thing than the whole."""
    answer = OpenAIAnswer(Translator("acme", clock=time.time))
    answer.feed(
        b'{"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "rm", "arguments": "{\\"path\\": \\"/"}}]}}]}'
    )
    answer.feed(b'{"choices": [{"delta": {}, "finish_reason": "length"}]}')
    finish = answer.finish()
    assert (finish.reason, finish.calls) == ("length", ())


def test_the_embedded_models_own_server_takes_tools() -> None:
    """Its chat template knows none, and llama.cpp has one for such models; a model that small rarely calls, but it must answer."""
    gguf = str(real_weights())
    backend = open_backend("embedded", Provider(kind="embedded", gguf=gguf), key=None, models={})

    async def ask() -> Got:
        try:
            return await collect(backend, call("Say hello.", tools=(WEATHER,), params=Params(max_tokens=20)))
        finally:
            await backend.aclose()

    got = asyncio.run(ask())
    assert got.text or got.finish.calls
